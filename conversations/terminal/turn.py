"""One answer: begun, shown as it comes, stopped by Ctrl-C or /stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from ..events import Delta, End, Event, Reasoning, Thought
from .answers import Shown, shown_answer
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
                    return self._until_the_end(begun, shown)
            finally:
                self.screen.end_thoughts()
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

    def _until_the_end(self, begun: Begun, shown: Shown) -> End:
        while True:
            try:
                # A signal that comes just before the wait is heard after it, so no wait may be long.
                heard = self.events.get(timeout=LISTEN_SECONDS)
            except Empty:
                continue
            if isinstance(heard, Reasoning | Thought):
                self._show_thoughts(heard, shown)
            elif isinstance(heard, Delta):
                self.screen.end_thoughts()
                shown.add(heard.text)
            elif isinstance(heard, End):
                return heard
            elif isinstance(heard, Stop):
                self.client.stop(begun.completion)
            elif isinstance(heard, Exception):
                raise heard

    def _show_thoughts(self, heard: Reasoning | Thought, shown: Shown) -> None:
        """To somebody who waits for the answer; whoever reads it from a pipe has no use for them."""
        if not self.screen.is_interactive:
            return
        if isinstance(heard, Thought):
            self.screen.end_thoughts(heard.seconds)
        else:
            shown.pause()
            self.screen.think(heard.text)

    def _heard(self, line: str) -> bool:
        """Of what is typed meanwhile."""
        if line.strip() != "/stop":
            return False
        self.events.put(Stop())
        return True
