"""Processes under test: the site as an operator starts it, and who descends from whom, read from /proc."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from tests.beside import Beside

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_SECONDS = 60.0  # for what takes a second on an idle machine
DATABASE = "chatsite.sqlite3"
MIGRATE = "from chatsite import serving; serving.migrate()"

T = TypeVar("T")
Process = tuple[int, int]  # process id and start time: ids are used again


def wait_for(question: Callable[[], T], *, what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """The first true answer. Fails the test at the deadline."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return answer


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the name, from the state on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def identify(pid: int) -> Process:
    fields = _stat(pid)
    return (pid, int(fields[19]) if fields else 0)


def is_alive(process: Process) -> bool:
    """Running; a zombie that nobody has collected is not."""
    fields = _stat(process[0])
    return bool(fields) and fields[0] not in "ZX" and int(fields[19]) == process[1]


def children(pid: int) -> list[int]:
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return sorted(child for child in pids if (fields := _stat(child)) and int(fields[1]) == pid)


def family(pid: int) -> list[Process]:
    """The process and everything that descends from it."""
    return [identify(pid), *(member for child in children(pid) for member in family(child))]


def wait_until_gone(processes: Iterable[Process], *, seconds: float = 15.0) -> None:
    members = list(processes)
    wait_for(
        lambda: not any(is_alive(member) for member in members),
        what="every process ended",
        seconds=seconds,
    )


def free_port() -> int:
    """A port nobody listens on, from below those that the system gives to outgoing connections."""
    while True:
        port = random.randrange(28400, 32700)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def scratch_environment(folder: Path, **variables: str) -> dict[str, str]:
    """An environment with a data folder of its own and nothing of the developer's configuration."""
    ours = ("OPENAI_", "CHATSITE_", "DJANGO_SUPERUSER_")
    others = {
        "DJANGO_SETTINGS_MODULE",
        "DATABASE_URL",
        "REDIS_URL",
        "WEB_CONCURRENCY",
        "PUBLIC_URL",
        "HOST",
        "LOCAL_MODEL",
        "LOCAL_SPEECH",
        "TRANSCRIPTION_MODEL",
        "SPEECH_MODEL",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours) and k not in others}
    return {
        **kept,
        "DATA_DIR": str(folder / "data"),
        "ENV_FILE": os.devnull,
        "LOCAL_MODEL": "off",
        **variables,
    }


def heeds_hangups() -> None:
    """Also where the tests run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def migrated_database() -> Path:
    """What `serve` makes of an empty data folder: once per run, by whichever worker comes first."""
    folder = Path(settings.DATA_DIR) / "migrated"
    folder.mkdir(exist_ok=True)
    made = folder / DATABASE
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not made.exists():
            subprocess.run(
                [sys.executable, "manage.py", "shell", "--no-imports", "-c", MIGRATE],
                cwd=ROOT, env=scratch_environment(folder), check=True,
            )  # fmt: skip
            (folder / "data" / DATABASE).rename(made)
    finally:
        os.close(handle)
    return made


class Site:
    """`manage.py serve` on a free port. Use it as a context manager: whatever happens, nothing stays behind.

    Seconds that are not what is tested are spared: SQLite begins with a migrated database, and hashes are quick.
    """

    as_shipped = False
    root = ROOT
    python = sys.executable

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = int(variables.get("PORT") or free_port())
        self.output = folder / f"output-{self.port}"
        self.settings: dict[str, str] = {}
        self.beside: Beside | None = None
        if not self.as_shipped:
            self.settings["DJANGO_SETTINGS_MODULE"] = "tests.site_settings"
            if "DATABASE_URL" not in variables:
                self._begin_migrated()
        environment = scratch_environment(
            folder, **{"PORT": str(self.port), **self.settings, **variables}
        )
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [self.python, "manage.py", "serve", *arguments],
                cwd=self.root, env=environment, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=heeds_hangups,
            )  # fmt: skip

    def _begin_migrated(self) -> None:
        data = self.folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        if not (data / DATABASE).exists():
            shutil.copyfile(migrated_database(), data / DATABASE)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.beside is not None:
            self.beside.close()
        members = family(self.process.pid)
        self.process.kill()
        self.process.wait()
        for pid, _start in filter(is_alive, members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def manage(self, *arguments: str) -> str:
        """What a management command beside the running site prints."""
        return subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.root, env=scratch_environment(self.folder, **self.settings),
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def run(self, program: str) -> str:
        """What lines of Python beside the running site print."""
        if self.beside is None:
            module = {"DJANGO_SETTINGS_MODULE": "chatsite.settings"}
            environment = scratch_environment(self.folder, **{**module, **self.settings})
            self.beside = Beside(self.root, environment)
        return self.beside.run(program)

    def make_key(self, username: str) -> str:
        """An API key of this person that may everything."""
        scopes = "chat,audio,read,write"
        return self.manage("create_key", "program", "--user", username, "--scopes", scopes).strip()

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self, *, with_models: bool = True) -> Site:
        """with_models: also when the endpoint lists them later than the site waits, as on a busy machine."""

        def ready() -> bool:
            assert self.process.poll() is None, self.text
            text = self.text
            is_late = "not listed its models yet" in text and "listed its models now" not in text
            return "Chatsite is ready: " in text and not (with_models and is_late)

        wait_for(ready, what="the line that says the site is ready")
        return self

    def wait_for_exit(self, *, seconds: float = 20.0) -> int:
        return self.process.wait(seconds)

    def status(self, path: str) -> int:
        """The HTTP status of a page, 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    @property
    def master(self) -> int:
        """gunicorn's master: the child that runs the same program."""
        beside = {*self.models, *self.speech}
        return next(pid for pid in children(self.process.pid) if pid not in beside)

    @property
    def workers(self) -> list[int]:
        return children(self.master)

    @property
    def models(self) -> list[int]:
        return self._running("conversations.localmodel")

    @property
    def speech(self) -> list[int]:
        return self._running("conversations.speech.box")

    def _running(self, module: str) -> list[int]:
        """The children that run this module; one that ends meanwhile is none."""
        found = []
        for pid in children(self.process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found


class ShippedSite(Site):
    """As an operator starts it for the first time, with nothing prepared and nothing spared."""

    as_shipped = True
