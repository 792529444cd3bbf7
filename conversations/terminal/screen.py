"""The terminal: what is typed, and what is said beside the answer, on standard error. `answers.py` shows answers."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator

from django.utils.functional import Promise
from django.utils.translation import gettext as _

PROMPT = "> "
DIM, RED, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"


def clean(text: str) -> str:
    """Without what would steer a terminal (control characters, but for line ends and tabs) or cannot be written."""
    if text.isprintable():
        return text
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"}
    )


def has_colours() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


class Screen:
    """is_interactive: somebody types. Else lines come through a pipe or from a file."""

    def __init__(self) -> None:
        self.is_interactive = sys.stdin.isatty()
        self.is_coloured = sys.stderr.isatty() and has_colours()
        self.is_thinking = False  # of the model, whose thoughts stand on the last line
        self.ahead: deque[str] = deque()  # typed while an answer came
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]

    def notice(self, text: str | Promise) -> None:
        self._say(str(text), DIM)

    def error(self, text: str | Promise) -> None:
        self._say(str(text), RED)

    def _say(self, text: str, colour: str) -> None:
        self._write(clean(text), colour, end="\n")

    def _write(self, text: str, colour: str, *, end: str = "") -> None:
        sys.stderr.write(f"{colour}{text}{PLAIN}{end}" if self.is_coloured else f"{text}{end}")
        sys.stderr.flush()

    def think(self, text: str) -> None:
        """A piece of what the model thinks before it answers."""
        if not self.is_thinking:
            self.notice(_("The model thinks:"))
        self.is_thinking = True
        self._write(clean(text), DIM)

    def end_thoughts(self, seconds: float | None = None) -> None:
        """Once the answer begins or ends. seconds: how long they took, if that is known."""
        if not self.is_thinking:
            return
        self.is_thinking = False
        self.notice("")
        if seconds is not None:
            took = _("Thought for %(seconds)s s") % {"seconds": round(seconds)}
            self.notice(_("Thought briefly") if seconds < 1 else took)
        self.notice("")

    # --- what is typed -----------------------------------------------------------------------------------------------

    def ask(self, prompt: str = PROMPT) -> str:
        """The next line. Raises EOFError, and KeyboardInterrupt for Ctrl-C."""
        prompt = clean(prompt)
        if self.ahead:
            line = self.ahead.popleft()
            self._say(f"{prompt}{line}", "")
            return line
        if not self.is_interactive:
            return self._read_line()
        if not sys.stderr.isatty():
            sys.stderr.write(prompt)
            sys.stderr.flush()
            return self._read_line()
        with _output_on_standard_error():
            return input(prompt)

    def read_whole(self) -> str:
        return sys.stdin.read()

    @staticmethod
    def _read_line() -> str:
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    @contextlib.contextmanager
    def listening(self, heard: Callable[[str], bool]) -> Iterator[None]:
        """While an answer comes: lines that are typed are offered to `heard`, from another thread.

        What it does not take is kept for `ask`. Nothing is echoed: it would end up inside the answer.
        """
        if not self.is_interactive:
            yield
            return
        wake, end = os.pipe()
        listener = threading.Thread(target=self._listen, args=(wake, heard), daemon=True)
        with _without_echo():
            listener.start()
            try:
                yield
            finally:
                os.close(end)
                listener.join()
                os.close(wake)

    def _listen(self, wake: int, heard: Callable[[str], bool]) -> None:
        keyboard = sys.stdin.fileno()
        while True:
            ready, _writable, _broken = select.select([keyboard, wake], [], [])
            if wake in ready:
                return
            typed = os.read(keyboard, 65536)
            if not typed:
                return  # Ctrl-D; the prompt asks again
            line = typed.decode(errors="surrogateescape").rstrip("\r\n")
            if not heard(line):
                self.ahead.append(line)


@contextlib.contextmanager
def _output_on_standard_error() -> Iterator[None]:
    """`input` with its editing and history writes to standard output, which is for answers."""
    import readline  # noqa: F401 (only where somebody types: it makes `input` remember lines)

    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _without_echo() -> Iterator[None]:
    import termios  # not on every system

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    quiet = [*before]
    quiet[3] &= ~(termios.ECHO | termios.ECHONL)
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
