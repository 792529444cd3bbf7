"""`manage.py chat` as somebody uses it: through pipes, and at a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.processes import DEADLINE_SECONDS, ROOT

COMMAND = (sys.executable, "manage.py", "chat")
STEERING = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")


@dataclass(frozen=True)
class Result:
    status: int
    output: str
    errors: str


def start(
    environment: dict[str, str], *arguments: str, typed: bytes = b""
) -> subprocess.Popen[bytes]:
    """With all three pipes; what is typed is there at once, and the end after it."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(typed)
    process.stdin.close()
    process.stdin = None
    return process


def result(process: subprocess.Popen[bytes]) -> Result:
    with process:
        try:
            output, errors = process.communicate(timeout=DEADLINE_SECONDS)
        finally:
            process.kill()
    return Result(process.returncode, output.decode(), errors.decode())


def chat(environment: dict[str, str], *arguments: str, typed: str = "") -> Result:
    return result(start(environment, *arguments, typed=typed.encode()))


class Terminal:
    """A terminal of 80 by 24 with the command in it. Use it as a context manager."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.screen, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=ROOT,
            env={"TERM": "xterm-256color", **environment},
            stdin=end, stdout=end, stderr=end, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(end)
        self.raw = ""  # everything that has been shown
        self.read = 0  # how much of it, without what steers, `expect` has looked at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def expect(self, text: str) -> str:
        """What was shown since the last time, up to this text, without what steers the terminal."""
        end = time.monotonic() + DEADLINE_SECONDS
        while True:
            shown = STEERING.sub("", self.raw)
            found = shown.find(text, self.read)
            if found >= 0:
                begin, self.read = self.read, found + len(text)
                return shown[begin : self.read]
            assert time.monotonic() < end, f"{text!r} is not in {self.raw!r}"
            assert self._take_in(), f"it ended without {text!r}: {self.raw!r}"

    def _take_in(self) -> bool:
        """What is shown next; False at the end."""
        ready, _writable, _broken = select.select([self.screen], [], [], 1.0)
        if not ready:
            return True
        try:
            part = os.read(self.screen, 65536)
        except OSError:  # nobody holds the other end
            return False
        self.raw += part.decode(errors="replace")
        return bool(part)

    def ended(self) -> int:
        """What it exits with, once it does."""
        end = time.monotonic() + DEADLINE_SECONDS
        while self._take_in():
            assert time.monotonic() < end, f"it does not end: {self.raw!r}"
        return self.process.wait(DEADLINE_SECONDS)

    def interrupt_until_it_ends(self) -> int:
        """Ctrl-C once a second: at the very moment of a prompt Python hears it with the next key only."""
        end = time.monotonic() + DEADLINE_SECONDS
        self.type("\x03")
        typed = time.monotonic()
        while self._take_in():
            if time.monotonic() - typed >= 1:
                typed = time.monotonic()
                self.type("\x03")
            assert typed < end, f"it does not end: {self.raw!r}"
        return self.process.wait(DEADLINE_SECONDS)


def interrupt(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
