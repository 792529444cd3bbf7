"""Malformed settings: one sentence that names the variable and the way to mend it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts import setup
from chatsite import serving
from chatsite.environment import Environment
from chatsite.secret import load_or_create_secret
from tests.chatsite.configuration import BESIDE, MALFORMED, found, names, read
from tests.processes import ROOT, free_port, scratch_environment

pytestmark = pytest.mark.processes

KEY = "the same on every node, and quite long enough"


@pytest.fixture
def environment() -> Environment:
    return Environment()


def check(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` as an operator would run it with these variables."""
    unwanted = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(tmp_path), "ENV_FILE": os.devnull, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(folder: Path, variables: dict[str, str]) -> list[str]:
    """What a start with these variables would say before it ends."""
    try:
        errors = [message for message in found(read(folder, variables)) if message.is_serious()]
        with patch.dict(os.environ, variables):
            setup.ensure_superuser_from_environment()
    except ImproperlyConfigured as error:
        return [str(error)]
    return [f"{message.msg} {message.hint}" for message in errors]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values]
)
def test_a_malformed_value_is_refused_in_one_sentence(
    tmp_path: Path, db: None, name: str, value: str
) -> None:
    (sentence,) = refusal(tmp_path, {**BESIDE.get(name, {}), name: value})
    assert name.removesuffix("USERNAME") in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") in {1, 2}  # what is wrong, and the way on


@pytest.mark.parametrize("name", sorted(names()))
def test_what_is_no_line_of_text_is_refused(tmp_path: Path, name: str) -> None:
    for value in ("one\ntwo", "not\udcffUTF-8"):
        (sentence,) = refusal(tmp_path, {**BESIDE.get(name, {}), name: value})
        assert sentence.startswith(f"{name} holds a line break or another character")
        assert "two" not in sentence  # it may be a secret


@pytest.mark.parametrize("name", sorted(names()))
def test_a_file_that_cannot_give_the_value_is_refused(tmp_path: Path, name: str) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    beside = BESIDE.get(name, {})
    for path, why in (
        ("/no/such", "No such file"),
        ("/dev", "Is a directory"),
        (str(empty), "empty"),
    ):
        (sentence,) = refusal(tmp_path, {**beside, f"{name}_FILE": path})
        assert sentence.startswith(f"{name}_FILE names {path}, which ")
        assert why in sentence
    (sentence,) = refusal(tmp_path, {**beside, name: "a", f"{name}_FILE": str(empty)})
    assert sentence == f"{name} and {name}_FILE are both set. Remove one of them."


def test_nothing_and_emptiness_are_the_defaults(tmp_path: Path) -> None:
    ours = names() - {"DATA_DIR", "ENV_FILE", *(name for name in names() if "SUPERUSER" in name)}
    given = read(tmp_path, dict.fromkeys(ours, ""))
    default = read(tmp_path, {})
    for module in (given, default):
        assert [message for message in found(module) if message.is_serious()] == []
    compared = [name for name in ours if hasattr(default, name)]
    assert len(compared) > 20
    for name in compared:
        assert getattr(given, name) == getattr(default, name), name


@pytest.mark.parametrize(
    "variables",
    [
        {"WEB_CONCURRENCY": "2", "SECRET_KEY": KEY},
        {"WEB_CONCURRENCY": "2", "SECRET_KEY": "", "DATABASE_URL": "postgres://a:b@c/d"},
        {"PUBLIC_URL": "https://chat.example.org", "SIGN_IN_LIMITS": "off"},
        {"PUBLIC_URL": "https://chat.example.org", "TRUSTED_PROXIES": "0"},
        {"OIDC_ISSUER": "https://login.example.org"},
        {"OIDC_ISSUER": "https://login.example.org", "OIDC_CLIENT_ID": "a"},
        {"OIDC_CLIENT_SECRET": "a"},
        {"EMBED_ORIGINS": "https://huggingface.co"},
        {"EMBED_ORIGINS": "https://huggingface.co", "PUBLIC_URL": "http://chat.example.org"},
        {"SPEECH_MODEL": "tts-1"},
        {"OPENAI_API_KEY": "x", "OPENAI_MODEL": "gpt-4o", "TRANSCRIPTION_MODEL": "gpt-4o"},
        {"DJANGO_SUPERUSER_PASSWORD": "a long pass phrase"},
    ],
    ids=" ".join,
)
def test_what_contradicts_itself_is_refused_in_one_sentence(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    (sentence,) = refusal(tmp_path, variables)
    assert any(name.removesuffix("PASSWORD") in sentence for name in variables)
    assert "\n" not in sentence


def test_a_key_is_not_told(tmp_path: Path) -> None:
    (sentence,) = refusal(tmp_path, {"OPENAI_API_KEY": "sk-sécret"})
    assert "cret" not in sentence


def test_an_address_of_redis_that_nobody_answers_is_no_reason_not_to_start(tmp_path: Path) -> None:
    for url in (
        "redis://127.0.0.1:9/0",
        "rediss://:p@h:6379?ssl_cert_reqs=none",
        "unix:///run/r.sock",
    ):
        assert refusal(tmp_path, {"REDIS_URL": url}) == []


# --- As processes --------------------------------------------------------------------------------------------------


SERVE = ("manage.py", "serve")
GUNICORN = ("-m", "gunicorn", "chatsite.asgi:application", "-c", "gunicorn.conf.py")


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        (SERVE, "PORT", "eighty"),
        (SERVE, "DATABASE_URL", "nonsense"),
        (SERVE, "SECRET_KEY", "short"),
        (GUNICORN, "PORT", "eighty"),
    ],
)
def test_ends_with_one_line_and_no_open_port(
    tmp_path: Path, command: tuple[str, ...], name: str, value: str
) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env=scratch_environment(tmp_path, **{"PORT": str(free_port()), name: value}),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert name in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Server" not in done.stdout


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    """No file may grow, as where none has room."""
    for variables in ({}, {"SECRET_KEY": KEY}):
        done = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT, env=scratch_environment(tmp_path, PORT=str(free_port()), **variables),
            capture_output=True, text=True, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        )  # fmt: skip
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "DATA_DIR" in done.stderr
        assert "Server" not in done.stdout
    assert [path.name for path in (tmp_path / "data").iterdir()] in ([], ["chatsite.sqlite3"])


def test_an_env_file_with_a_line_that_sets_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "env"
    for line in ("OPENAI_API_KEY sk-1", "PORT = 8000", " PORT=8000", "export"):
        path.write_text(f"# the port\n\n{line}\n")
        (sentence,) = refusal(tmp_path, {"ENV_FILE": str(path)})
        assert sentence.startswith(f"Line 3 of {path} is not NAME=value.")
        assert "sk-1" not in sentence


def test_an_env_file_from_windows_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(b"\xef\xbb\xbfSIGNUP=invite\r\n\r\nexport PORT=8001\r\n")
    settings = read(tmp_path, {"ENV_FILE": str(path)})
    assert (settings.SIGNUP, settings.PORT) == ("invite", 8001)


def test_env_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(b"PORT=8000\nSITE=\xff\xfe\n")
    done = check(tmp_path, ENV_FILE=str(path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(path) in done.stderr


def test_a_name_that_is_misspelled_in_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("OPENAI_KEY=x\nOPENROUTER_API_KEY=y\nTIME_ZONE=UTC\n")
    done = check(tmp_path, ENV_FILE=str(path))
    assert done.returncode == 0
    assert "sets OPENAI_KEY, which nothing reads" in done.stderr
    assert "Did you mean OPENAI_API_KEY?" in done.stderr
    assert done.stderr.count("nothing reads") == 1


def test_who_starts_the_site_is_told_too(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMEZONE", "what is read from the file goes with the test")
    monkeypatch.delenv("TIMEZONE")
    path = tmp_path / "env"
    path.write_text("TIMEZONE=UTC\n")
    environment.read_file(path)
    environment.text("TIME_ZONE")
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)
    sentences = serving.check_configuration()
    assert any("TIMEZONE" in text and "TIME_ZONE?" in text for text in sentences)


def test_public_site_is_accepted(tmp_path: Path) -> None:
    assert check(tmp_path, PUBLIC_URL="https://chat.example.org").returncode == 0


def test_every_cookie_of_a_public_site_is_secure(tmp_path: Path) -> None:
    program = (
        "from chatsite import settings as s;"
        "print(*(getattr(s, f'{name}_COOKIE_{what}') for name in ('SESSION', 'CSRF', 'LANGUAGE')"
        " for what in ('SECURE', 'SAMESITE')))"
    )
    environment = scratch_environment(tmp_path, PUBLIC_URL="https://chat.example.org")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "Lax"] * 3


def test_value_and_file_together_are_refused(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME", "a")
    monkeypatch.setenv("SOME_FILE", "/dev/null")
    with pytest.raises(ImproperlyConfigured, match="SOME and SOME_FILE"):
        environment.text("SOME")


def test_file_is_read_and_stripped(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("SOME_FILE", str(tmp_path / "key"))
    assert environment.text("SOME") == "secret"


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("256kB", 262_144), ("1 MB", 1_048_576), ("9B", 9)]
)
def test_sizes(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    monkeypatch.setenv("SOME", text)
    assert environment.size("SOME", 1, most=2_000_000) == size


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    first = load_or_create_secret(path)
    assert load_or_create_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("short")
    with pytest.raises(ImproperlyConfigured, match="damaged"):
        load_or_create_secret(path)
