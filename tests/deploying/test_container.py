"""Dockerfile, .dockerignore, compose.yaml and its proxy: every name in them is one that this repository has."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from chatsite import drain
from chatsite.management.commands import serve
from scripts.image import context, instructions
from tests.processes import ROOT, scratch_environment

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CADDYFILE = (ROOT / "deploy/container/Caddyfile").read_text(encoding="utf-8")
SETTINGS = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
# What Compose itself fills in, beside settings of the site.
OF_COMPOSE = {"WITH_MODEL", "WITH_SPEECH", "PUBLISH", "POSTGRES_PASSWORD"}
# Where the modules of the site lie, as in the archive for Azure.
SHIPPED = re.search(r"^SHIPPED := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)

LOCKS = ("requirements/local-model.txt", "requirements/speech.txt")


STEPS = instructions(DOCKERFILE)


def rest_of(name: str) -> str:
    """What follows the only instruction of that name."""
    (rest,) = (rest for instruction, rest in STEPS if instruction == name)
    return rest


# --- The image -----------------------------------------------------------------------------------------------------


def test_steps_are_read_as_an_engine_reads_them() -> None:
    text = 'FROM a\n# no\nRUN one \\\n    # no\n    && two\n\nCMD ["x"]\n'
    assert instructions(text) == [
        ("FROM", "a"), ("RUN", "one     && two"), ("CMD", '["x"]'),
    ]  # fmt: skip


def test_base_image_has_a_fixed_tag() -> None:
    version = rest_of("FROM").partition(":")[2].partition("-")[0]
    assert tuple(map(int, version.split("."))) >= (3, 11)


def test_what_is_copied_exists_and_is_let_through() -> None:
    files = set(map(str, context(ROOT)))
    for name, rest in STEPS:
        if name == "COPY":
            *sources, _target = shlex.split(rest)
            assert all(source == "." or source in files for source in sources), rest


def test_only_what_the_site_runs_on_gets_in() -> None:
    assert SHIPPED is not None
    tracked = subprocess.run(
        ["git", "ls-files", "--", *SHIPPED[1].split(), *LOCKS],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    new = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert set(map(str, context(ROOT))) - {*new} == {*tracked}


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".env.production", "data/chatsite.sqlite3", "data/secret-key", ".git/config", "secrets/key.pem",
        "tests/conftest.py", ".venv/bin/python", "staticfiles/.sources", "chatsite/__pycache__/settings.pyc",
        "requirements/dev.txt", "compose.yaml", "dist/chatsite-azure.zip",
    ],
)  # fmt: skip
def test_secrets_data_and_history_stay_out(tmp_path: Path, path: str) -> None:
    """As they lie in a folder that somebody works in."""
    for name in (path, "manage.py", "chatsite/settings.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
    assert set(map(str, context(tmp_path))) == {"manage.py", "chatsite/settings.py"}


def test_packages_are_those_of_the_locks() -> None:
    for line in re.findall(r"pip install [^;&]*", DOCKERFILE):
        assert "--require-hashes" in line
        for lock in line.split(" -r ")[1:]:
            assert (ROOT / lock.split()[0]).is_file()


@pytest.mark.parametrize("argument", ["WITH_MODEL", "WITH_SPEECH"])
def test_a_wrong_argument_is_refused_in_a_sentence(argument: str) -> None:
    (script,) = (rest for name, rest in STEPS if name == "RUN" and argument in rest)
    done = subprocess.run(
        ["sh", "-c", script], env={argument: "yes"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"{argument} is 'yes'. Set it to 1 or 0.\n"
    assert subprocess.run(["sh", "-c", script], env={argument: "0"}, check=False).returncode == 0


def test_variables_are_settings_and_no_secret_stays() -> None:
    names = [
        w.partition("=")[0] for name, rest in STEPS if name == "ENV" for w in shlex.split(rest)
    ]
    assert {n for n in names if not n.startswith(("PYTHON", "PIP_"))} <= SETTINGS
    assert "SECRET_KEY" not in DOCKERFILE
    # With the folder that it was made in for the static files:
    (build,) = (rest for name, rest in STEPS if name == "RUN" and "collect_static" in rest)
    assert "DATA_DIR=/tmp/build " in build
    assert build.endswith("rm -r /tmp/build")


def test_the_command_is_one_that_hears_signals() -> None:
    command = json.loads(rest_of("CMD"))  # a list: no shell in between
    assert command[:2] == ["python", "manage.py"]
    assert command[2] in get_commands()
    assert rest_of("STOPSIGNAL") == "SIGTERM"


def test_user_1000_owns_the_data_and_nothing_else() -> None:
    assert rest_of("USER") == "1000"
    assert "--owner 1000 --group 1000 --mode 0700 /data" in DOCKERFILE
    assert "--chown" not in DOCKERFILE


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_health_check_asks_livez(status: int, code: int) -> None:
    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        python, *arguments = json.loads(rest_of("HEALTHCHECK").partition("CMD ")[2])
        assert python == "python"
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"PORT": str(server.server_address[1]), "http_proxy": "http://127.0.0.1:9"},
            check=False,
        )
        server.shutdown()
    assert done.returncode == code
    assert asked == ["/livez"]


def test_ports_are_the_same_everywhere(tmp_path: Path) -> None:
    default, of_space = (
        subprocess.run(
            [sys.executable, "-c", "from chatsite import settings; print(settings.PORT)"],
            cwd=ROOT, env=scratch_environment(tmp_path, **there),
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for there in ({}, {"SPACE_HOST": "person-chat.hf.space"})
    )  # fmt: skip
    assert rest_of("EXPOSE") == default
    otherwise = f"({of_space} if os.environ.get('SPACE_HOST') else {default})"
    assert f"'PORT') or {otherwise})" in rest_of("HEALTHCHECK")
    assert SERVICES["site"]["ports"] == [f"${{PUBLISH:-127.0.0.1:8000}}:{default}"]
    for name in ("site", "node-1", "node-2"):
        assert SERVICES[name]["environment"]["PORT"] == default
    assert re.findall(r"node-\d:(\d+)", CADDYFILE) == [default, default]


# --- Compose -------------------------------------------------------------------------------------------------------


def test_without_a_profile_one_node_starts_and_with_it_two() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["site"]
    others = {name for name in SERVICES if name != "site"}
    assert others == {"node-1", "node-2", "proxy", "database", "cache"}
    for name in others:
        assert SERVICES[name]["profiles"] == ["nodes"]
        assert set(SERVICES[name].get("depends_on", ())) < others


@pytest.mark.parametrize("name", ["site", "node-1", "node-2"])
def test_the_root_is_read_only_and_answers_have_time_to_end(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 (in the container)
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == [f"data:{service['environment']['DATA_DIR']}"]
    assert int(service["stop_grace_period"].removesuffix("s")) > serve.TERMINATE_SECONDS
    assert serve.TERMINATE_SECONDS > drain.TERMINATE_SECONDS
    arguments = {rest.partition("=")[0] for step, rest in STEPS if step == "ARG"}
    assert set(service["build"]["args"]) <= arguments
    assert service["build"]["context"] == "."


def test_variables_of_compose_are_known() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) <= SETTINGS | OF_COMPOSE
    for name in ("site", "node-1", "node-2"):
        assert set(SERVICES[name]["environment"]) <= SETTINGS
    assert {path["path"] for path in SERVICES["site"]["env_file"]} == {".env"}


def test_volumes_and_files_exist() -> None:
    named = set(COMPOSE["volumes"])
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in named or (ROOT / source).is_file(), volume


def filled_in(service: str) -> dict[str, str]:
    """The service's variables with what Compose puts for names that are not set."""
    default = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")
    return {
        name: default.sub(r"\1", value) for name, value in SERVICES[service]["environment"].items()
    }


@pytest.mark.processes
@pytest.mark.parametrize("name", ["site", "node-1"])
def test_the_settings_take_what_compose_sets(tmp_path: Path, name: str) -> None:
    environment = scratch_environment(tmp_path, **filled_in(name))
    environment["DATA_DIR"] = str(tmp_path / "data")
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_database_and_cache_are_where_the_nodes_look() -> None:
    variables = filled_in("node-1")
    database = SERVICES["database"]["environment"]
    user, name = database["POSTGRES_USER"], database["POSTGRES_DB"]
    assert variables["DATABASE_URL"] == f"postgres://{user}:@database:5432/{name}"
    assert variables["REDIS_URL"] == "redis://cache:6379/0"
    assert SERVICES["node-1"]["depends_on"]["database"] == {"condition": "service_healthy"}
    assert "--save" in SERVICES["cache"]["command"]  # it is a cache: nothing is kept only there


# --- The proxy -----------------------------------------------------------------------------------------------------


def test_the_proxy_leads_to_the_nodes_without_buffering() -> None:
    assert re.findall(r"(node-\d):\d+", CADDYFILE) == ["node-1", "node-2"]
    assert "flush_interval -1" in CADDYFILE
    assert "read_timeout 1h" in CADDYFILE
    health = re.search(r"health_uri (\S+)", CADDYFILE)
    assert health is not None
    source = (ROOT / "chatsite/middleware.py").read_text(encoding="utf-8")
    assert f'request.path == "{health[1]}"' in source
    assert SERVICES["proxy"]["environment"] == {"PUBLIC_URL": "${PUBLIC_URL:-http://localhost}"}
    assert filled_in("node-1")["TRUSTED_PROXIES"] == "1"


# --- The real thing ------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_the_image_is_built_and_serves(tmp_path: Path) -> None:
    """Needs root, debootstrap and package indexes: sudo python3 scripts/try_image.py."""
    done = subprocess.run(
        [sys.executable, "scripts/try_image.py", str(tmp_path)],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it was finished, and the site ended with 0" in done.stdout
    assert not list(tmp_path.iterdir())
