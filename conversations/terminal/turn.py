"""One answer: begun, shown as it comes, stopped by Ctrl-C or /stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from ..events import Delta, End, Event
from .answers import shown_answer
from .client import Begun, Client
from .screen import Screen

LISTEN_SECONDS = 0.5


class Stop:
    """Put among the events by Ctrl-C and by /stop."""


class Turn:
    """begun: once the site has taken the question. is_interrupted: by Ctrl-C."""

    def __init__(self, client: Client, screen: Screen) -> None:
        self.client = client
        self.screen = screen
        self.begun: Begun | None = None
        self.is_interrupted = False
        self.events: SimpleQueue[Event | Exception | Stop] = SimpleQueue()

    def run(self, begin: Callable[[], Begun]) -> End:
        """How the answer ended. Raises Refused, and KeyboardInterrupt for a second Ctrl-C."""
        with self._interruptible():
            self.begun = begun = begin()
            self.client.follow(begun.completion, self.events.put)
            shown = shown_answer()
            try:
                with self.screen.listening(self._heard):
                    return self._until_the_end(begun, shown.add)
            finally:
                shown.finish()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Also what is just being begun is stopped: by then it may be written and paid for."""

        def interrupt(number: int, frame: FrameType | None) -> None:
            if self.is_interrupted:
                raise KeyboardInterrupt
            self.is_interrupted = True
            self.events.put(Stop())

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _until_the_end(self, begun: Begun, add: Callable[[str], None]) -> End:
        while True:
            try:
                # A signal that comes just before the wait is heard after it, so no wait may be long.
                heard = self.events.get(timeout=LISTEN_SECONDS)
            except Empty:
                continue
            if isinstance(heard, Delta):
                add(heard.text)
            elif isinstance(heard, End):
                return heard
            elif isinstance(heard, Stop):
                self.client.stop(begun.completion)
            elif isinstance(heard, Exception):
                raise heard

    def _heard(self, line: str) -> bool:
        """Of what is typed meanwhile."""
        if line.strip() != "/stop":
            return False
        self.events.put(Stop())
        return True
