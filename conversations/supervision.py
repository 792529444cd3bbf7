"""Processes of the site beside its server: each on a loopback port of its own, niced, and started again when it ends.

Here: starting one, restarting it when it crashes, what such a process does at its own start, and when it ends because
whoever started it has. Not here: what it serves (`localmodel.py`, `speech/box.py`), which is asked over HTTP like any
endpoint. This module needs the standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

NICENESS = 10  # pages come first
STOP_SECONDS = 2.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0  # up for this long: the next crash starts again with the first pause

# Below the ports that the system hands out to outgoing connections, so that a restart finds its port free again.
PORTS = range(18300, 28300)


class CannotRun(Exception):
    """The process cannot run here. The text is one sentence for the operator."""


def die_with_parent(parent: int, number: int = signal.SIGINT) -> bool:
    """Have the kernel send this process `number` when its parent ends, however it ends.

    parent: its process id when it started this one; if it is gone already, the signal comes at once.
    False where the system cannot do that (only Linux can).
    """
    pr_set_pdeathsig = 1
    try:
        done = bool(ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(number), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        done = False
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
    return done


def free_port() -> int:
    """A loopback port nobody listens on, chosen at random so that two sites starting together do not meet."""
    for _attempt in range(100):
        port = random.choice(PORTS)  # noqa: S311 (a port is no secret)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotRun("No free port was found on 127.0.0.1.")


class Supervised:
    """A supervised process. Its address and key stay the same over restarts.

    name: how a sentence about it begins. module: what to run, with `arguments`, `--port` and `--parent`.
    key: what it is to take, given to it in `key_variable`. url_variable: where the site's processes
    look for its address. hopeless: what ends it for good, by exit code, in a sentence. report: told one
    line whenever the process ends without having been asked to.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str] = (),
        *,
        key: str,
        key_variable: str,
        url_variable: str,
        report: Callable[[str], None],
        hopeless: Mapping[int, Exception] | None = None,
    ) -> None:
        self.name = name
        self.module = module
        self.arguments = arguments
        self.key = key  # other accounts of this machine can reach the port too
        self.key_variable = key_variable
        self.url_variable = url_variable
        self.report = report
        self.hopeless = hopeless or {}
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # a restart must not race a stop
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """What the site's processes need to know."""
        return {self.url_variable: self.url}

    def start(self) -> None:
        """Start the process and return at once; `supervise` and `wait_until_ready` come next.

        No thread is started, so the caller may still fork.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            if self.process is not None and self.process.stdin is not None:
                self.process.stdin.close()  # of the one that ended
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", self.module, *self.arguments,
                    "--port", str(self.port), "--parent", str(os.getpid()),
                ],
                cwd=Path(__file__).resolve().parent.parent,
                env={**os.environ, self.key_variable: self.key},  # an argument would be visible to everybody
                stdin=subprocess.PIPE,  # never written to: its end tells the process that this one is gone
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C in the terminal is the caller's business
            )  # fmt: skip

    def supervise(self) -> None:
        """From now on, restart the process when it ends, with growing pauses."""
        self._thread = threading.Thread(target=self._watch, name=self.module, daemon=True)
        self._thread.start()

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Return True when it answers, False if it takes longer. Raises what is hopeless."""
        end = time.monotonic() + timeout_seconds
        while not self._stopping.is_set() and time.monotonic() < end:
            if is_healthy(self.port):
                return True
            status = self.process.poll() if self.process is not None else None
            if status is not None and status in self.hopeless:
                raise self.hopeless[status]
            time.sleep(0.02)
        return False

    def stop(self) -> None:
        """End the process, politely first. Returns when it is gone."""
        self._stopping.set()
        with self._lock:
            process = self.process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _watch(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self.process is not None:
            started = time.monotonic()
            status = self.process.wait()
            if self._stopping.is_set() or status in self.hopeless:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self.report(f"{self.name} ended ({_how(status)}); starting it again.")
            if self._stopping.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self.start()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def is_healthy(port: int) -> bool:
    """Does such a process, ready for work, answer on this loopback port?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# --- In the process itself -----------------------------------------------------------------------------------------


def settle_in(parent: int | None) -> threading.Event:
    """Make this process nice and let it end with `parent`, by process id. The event is set when it is to stop."""
    if parent:
        die_with_parent(parent, signal.SIGKILL)
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    return done


def _end_with_stdin() -> None:
    """The way to notice a parent's death where the kernel does not tell: its end of the pipe is closed."""
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os._exit(1)


def is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
