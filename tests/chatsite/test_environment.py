"""Malformed settings: one sentence that names the variable and the way to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from chatsite import serving
from chatsite.environment import Environment
from chatsite.secret import load_or_create_secret
from tests.processes import scratch_environment

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parent.parent.parent


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "99999"),
        ("WEB_CONCURRENCY", "-1"),
        ("RETENTION_DAYS", "soon"),
        ("RETENTION_DAYS", "-30"),
        ("RETENTION_DAYS", "1.5"),
        ("RETENTION_DAYS", "36501"),
        ("PUBLIC_URL", "chat.example.org"),
        ("PUBLIC_URL", "https://chat:port"),
        ("EMBED_ORIGINS", "*"),
        ("EMBED_ORIGINS", "https://*.example.org"),
        ("EMBED_ORIGINS", "http://example.org"),
        ("EMBED_ORIGINS", "huggingface.co"),
        ("EMBED_ORIGINS", "https://example.org/page"),
        ("EMBED_ORIGINS", "https://example.org; script-src *"),
        ("EMBED_ORIGINS", "'self'"),
        ("OPENAI_BASE_URL", "ftp://models"),
        ("SIGNUP", "maybe"),
        ("SIGN_IN_LIMITS", "perhaps"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LANGUAGE_CODE", "tlh"),
        ("MESSAGE_MAX_BYTES", "lots"),
        ("DATABASE_URL", "mysql://root@localhost/x"),
        ("DATABASE_URL", "nonsense"),
        ("LOG_LEVEL", "LOUD"),
        ("SECRET_KEY_FILE", "/no/such/file"),
    ],
)
def test_malformed_value_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = check(tmp_path, **{name: value})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"WEB_CONCURRENCY": "2"},
        {"PUBLIC_URL": "https://chat.example.org", "SIGN_IN_LIMITS": "off"},
        {"EMBED_ORIGINS": "https://huggingface.co"},
        {"EMBED_ORIGINS": "https://huggingface.co", "PUBLIC_URL": "http://chat.example.org"},
        {"SECRET_KEY": "short"},
        {"LOCAL_MODEL": "/no/such/model.gguf"},
        {"SPEECH_MODEL": "tts-1"},
        {"OPENAI_API_KEY": "x", "OPENAI_MODEL": "gpt-4o", "TRANSCRIPTION_MODEL": "gpt-4o"},
    ],
)
def test_unsafe_combination_does_not_start(tmp_path: Path, variables: dict[str, str]) -> None:
    done = check(tmp_path, **variables)
    assert done.returncode == 1
    assert "chatsite.E0" in done.stderr


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
    assert environment.size("SOME", 1) == size


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    first = load_or_create_secret(path)
    assert load_or_create_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("short")
    with pytest.raises(ImproperlyConfigured, match="damaged"):
        load_or_create_secret(path)
