"""Azure App Service: the archive that is deployed, started as it is there, and what is refused there."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conversations.test_processes import PERSON
from tests.conversations.test_processes import visit as sign_in
from tests.deploying.front import visit
from tests.processes import ROOT, ShippedSite, scratch_environment
from tests.upstream import Upstream

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

NAME = "chatsite.azurewebsites.net"
ZIP = ROOT / "dist" / "chatsite-azure.zip"
# Where it begins, as Azure does: no HOST, no PUBLIC_URL, but its own name.
THERE = {"WEBSITE_HOSTNAME": NAME, **PERSON}


def build() -> bytes:
    done = subprocess.run(["make", "azure-zip"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command = done.stdout.splitlines()[-1]
    assert command.startswith("az webapp deployment source config-zip --resource-group ")
    assert command.endswith(f"--src {ZIP.relative_to(ROOT)}")
    return ZIP.read_bytes()


@pytest.fixture(scope="module")
def archive() -> Path:
    build()
    return ZIP


@pytest.fixture
def unpacked(archive: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "wwwroot"
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


def test_holds_what_the_site_needs_and_nothing_else(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
    assert {"manage.py", "requirements.txt", "gunicorn.conf.py"} < set(names)
    assert {name.partition("/")[0] for name in names if "/" in name} == {
        "chatsite", "accounts", "conversations", "templates", "locale",
    }  # fmt: skip
    assert not [name for name in names if name.endswith((".sqlite3", ".pyc", ".env"))]


def test_is_the_same_each_time(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hashlib.sha256(archive.read_bytes())
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert hashlib.sha256(build()).digest() == before.digest()


def test_static_files_are_collected_where_nothing_is_set(unpacked: Path, tmp_path: Path) -> None:
    """As the build there does before any of the site's settings are known to it."""
    environment = scratch_environment(tmp_path, WEBSITE_HOSTNAME=NAME)
    del environment["DATA_DIR"]
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=unpacked, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (unpacked / "staticfiles" / "staticfiles.json").is_file()


class Deployed(ShippedSite):
    """The startup command, in the folder that the archive was unpacked into."""

    def __init__(self, root: Path, folder: Path, upstream: Upstream, python: str) -> None:
        self.root, self.python = root, python
        database = f"sqlite:////{folder}/there.sqlite3"
        super().__init__(folder, **THERE, DATABASE_URL=database, OPENAI_BASE_URL=upstream.url)


def chat(root: Path, folder: Path, python: str = sys.executable) -> None:
    with (
        Upstream() as upstream,
        Deployed(root, folder, upstream, python).wait_until_ready() as site,
        visit(site, NAME) as visitor,
    ):
        assert f"Chatsite is ready: https://{NAME}" in site.text
        assert "is gone after the next restart" in site.text
        assert site.status("/livez") == 200  # the probe comes to an address
        assert site.status("/") == 400
        visitor.sign_in("root", PERSON["DJANGO_SUPERUSER_PASSWORD"])
        assert "__Host-sessionid" in visitor.http.cookies
        sent = visitor.send("Go on [[script: slow tokens=60 rate=30]]")
        stream = visitor.events(sent["events"])
        next(stream)
        site.process.send_signal(signal.SIGTERM)
        *_, last = stream
        assert (last.name, last.data["status"]) == ("end", "complete")
        assert site.wait_for_exit() == 0


def test_the_archive_answers_a_chat_and_finishes_it_when_told_to_stop(
    unpacked: Path, tmp_path: Path
) -> None:
    chat(unpacked, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_with_nothing_but_its_own_requirements(unpacked: Path, tmp_path: Path) -> None:
    """Needs a package index."""
    venv.create(tmp_path / "antenv", with_pip=True)
    python = str(tmp_path / "antenv" / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"],
        cwd=unpacked, check=True,
    )  # fmt: skip
    chat(unpacked, tmp_path, python)


@pytest.mark.long
def test_a_stream_is_never_silent_for_as_long_as_the_front_end_waits(tmp_path: Path) -> None:
    """Azure's ends one after 230 s without a byte, Heroku's after 55."""
    with (
        Upstream() as upstream,
        ShippedSite(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site,
        sign_in(site) as visitor,
    ):
        sent = visitor.send("Wait [[script: quiet]]")
        with visitor.http.stream("GET", sent["events"]) as response:
            received = response.iter_bytes()
            assert b"retry:" in next(received)
            assert next(received) == b": ping\n\n"  # the visitor waits 30 s for each


@pytest.mark.parametrize(
    ("variables", "way_on"),
    [(THERE, "Set SCM_DO_BUILD_DURING_DEPLOYMENT=true"), ({}, "Run `make run` once")],
)
def test_packages_that_were_not_installed_are_told(variables: dict[str, str], way_on: str) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "manage.py", "serve"],
        cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"Django is not installed here. {way_on}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "its /home is a network disk"),
        ({"DATABASE_URL": "sqlite:////home/data/chatsite.sqlite3"}, "its /home is a network disk"),
        ({"DATABASE_URL": "postgres://a:b@127.0.0.1:9/c"}, "SECRET_KEY is not set, and Azure"),
    ],
)
def test_what_would_be_lost_there_is_refused(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT, env=scratch_environment(tmp_path, WEBSITE_HOSTNAME=NAME, **variables),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "data").glob("*.sqlite3"))
