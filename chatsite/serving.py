"""What `manage.py serve` is made of: database, static files, and the server's processes.

The command decides the order and talks to the operator; nothing here prints.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import http.client
import logging
import os
import signal
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from io import StringIO
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core import checks
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from conversations.supervision import die_with_parent

logger = logging.getLogger(__name__)

MIGRATION_LOCK = zlib.crc32(b"chatsite.migrate")  # PostgreSQL's advisory locks are numbers
STAMP = ".sources"
LIVE_SECONDS = 120.0  # a worker that cannot start is started again and again


class ServeError(Exception):
    """The site cannot start, or has ended. The text is one sentence for the operator."""


# --- Where -----------------------------------------------------------------------------------------------------------


def local_url(host: str, port: int) -> str:
    """How this machine reaches the server. host: as bound, so maybe a wildcard."""
    host = host.strip("[]")
    with contextlib.suppress(ValueError):
        if ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_address(host: str, port: int) -> None:
    """Raises ServeError if the server could not listen there. The port is left closed."""
    host = host.strip("[]")
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)  # a wildcard and a loopback listener only collide here
    except OSError as error:
        hint = "Set PORT to a free one, or end what uses it."
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            hint = "Set HOST to an address of this machine, or to 0.0.0.0 for all of them."
        elif error.errno == errno.EACCES:
            hint = "Set PORT to 1024 or above."
        raise ServeError(
            f"The site cannot listen on {host} port {port} ({error.strerror or error}). {hint}"
        ) from error


def check_configuration() -> list[str]:
    """What the system checks warn of. Raises ServeError with one sentence for each of their errors."""
    found = checks.run_checks()
    if errors := [_sentence(message) for message in found if message.is_serious()]:
        raise ServeError("\n".join(errors))
    return [_sentence(message) for message in found if message.level == checks.WARNING]


def _sentence(message: checks.CheckMessage) -> str:
    return " ".join(filter(None, (str(message.msg), str(message.hint or ""))))


# --- What must be in place -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file or folder; it goes with the process, however that ends."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _database_lock() -> Iterator[None]:
    if connection.vendor != "postgresql":
        with _locked(settings.DATA_DIR):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def migrate() -> int:
    """Apply what is missing, one process at a time. Returns the number of migrations applied."""
    try:
        with _database_lock():
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                call_command("migrate", interactive=False, verbosity=0, stdout=StringIO())
            if str(settings.CACHES["default"]["BACKEND"]).endswith("DatabaseCache"):
                call_command("createcachetable", verbosity=0)
            return len(plan)
    except DatabaseError as error:
        # PostgreSQL's own advice follows its reason, indented.
        lines = [line for line in str(error).splitlines() if line[:1].strip()]
        reason = lines[-1].rstrip(" .") if lines else type(error).__name__
        raise ServeError(
            f"The database cannot be set up: {reason}. Check DATABASE_URL, or DATA_DIR."
        ) from error


def _sources() -> str:
    """A hash that changes when a static file is added, removed or written."""
    found = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in finders.get_finders():
        for name, storage in sorted(finder.list([]), key=lambda pair: str(pair[0])):
            status = Path(storage.path(name)).stat()
            # Whole seconds: layers of container images keep no more.
            found.update(f"{name} {status.st_size} {int(status.st_mtime)}\n".encode())
    return found.hexdigest()


def collect_static() -> bool:
    """Build STATIC_ROOT if its sources changed since the last time. Returns whether they had."""
    root = Path(settings.STATIC_ROOT)
    try:
        stamp, sources = root / STAMP, _sources()
        if _read(stamp) == sources:
            return False
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            if _read(stamp) == sources:
                return False
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(sources, encoding="ascii")
    except OSError as error:
        raise ServeError(f"The static files cannot be built in {root} ({error}).") from error
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def notify(state: str) -> None:
    """Tell systemd, where it has started this process as a service of Type=notify."""
    from gunicorn.systemd import sd_notify

    sd_notify(state, logger)


# --- The server ------------------------------------------------------------------------------------------------------


class Server:
    """gunicorn, forked from this process: nothing is imported twice, and the pages of memory are shared.

    Its processes form a group of their own, so that Ctrl-C in a terminal reaches `serve` alone. They end when this
    process ends, also by `kill -9`: the kernel tells gunicorn's master, and it or the kernel tells the workers.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.status: int | None = None
        self._lifeline: int | None = None

    def start(self) -> None:
        """Fork. No other thread may run yet, and no database connection may be open."""
        connections.close_all()
        _adopt_orphans()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        reader, self._lifeline = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._lifeline)
            _run_gunicorn(parent, reader)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)  # the child does the same: whoever comes first
        os.close(reader)

    def wait_until_live(self, host: str, port: int) -> None:
        """Return when /livez answers. Raises ServeError if the server ends before that, or is silent for long."""
        end = time.monotonic() + LIVE_SECONDS
        while True:
            self._reap()
            if self.status is not None:
                raise ServeError(
                    f"The server did not start ({_how(self.status)}). The lines above say why."
                )
            if answers(host, port):
                return
            if time.monotonic() > end:
                raise ServeError(
                    f"The server does not answer after {LIVE_SECONDS:.0f} s. The lines above may say why."
                )
            time.sleep(0.02)

    def wait(self) -> None:
        """Return when gunicorn's master has ended. Signal handlers run, and may raise, meanwhile."""
        if self.status is None:
            _pid, self.status = os.waitpid(self.pid, 0)

    def signal(self, number: int) -> None:
        if self.pid and self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End every process of the server at once."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def stop(self, number: int, *, within_seconds: float) -> None:
        """Ask with a signal, insist at the deadline. Returns when no process of the server is left."""
        if not self.pid:
            return
        self.signal(number)
        end = time.monotonic() + within_seconds
        while self._reap():
            if time.monotonic() > end:
                self.kill()
                end = time.monotonic() + 1
            time.sleep(0.02)
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def describe_end(self) -> str:
        return "unknown" if self.status is None else _how(self.status)

    def _reap(self) -> bool:
        """Collect ended processes of the server's group. Returns whether any is left."""
        while True:
            try:
                pid, status = os.waitpid(-self.pid, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def _adopt_orphans() -> None:
    """Become the parent of workers whose master was killed, so that their end can be seen (Linux)."""
    pr_set_child_subreaper = 36
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _run_gunicorn(parent: int, lifeline: int) -> None:
    """The forked child's whole life; never returns."""
    status = 1
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if not die_with_parent(parent):
            threading.Thread(target=_interrupt_at_end_of, args=(lifeline,), daemon=True).start()
        os.environ.pop("NOTIFY_SOCKET", None)  # gunicorn is ready before the site is
        from gunicorn.app.wsgiapp import run

        configuration = Path(settings.BASE_DIR) / "gunicorn.conf.py"
        sys.argv = ["gunicorn", "chatsite.asgi:application", "-c", str(configuration)]
        run()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        else:
            status = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # What the parent registered to run at its exit is not this process's business.
        os._exit(status)


def _interrupt_at_end_of(lifeline: int) -> None:
    """Where the kernel does not tell of a parent's death: its end of this pipe closes with it."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGINT)


def answers(host: str, port: int, path: str = "/livez") -> bool:
    """Is the answer there 200? host: as bound."""
    place = local_url(host, port).removeprefix("http://").rpartition(":")[0].strip("[]")
    link = http.client.HTTPConnection(place, port, timeout=5)
    try:
        link.request("GET", path)
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
