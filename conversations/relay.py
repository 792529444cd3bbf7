"""From a running answer to any number of readers: the answer is an append-only text, a reader a position in it.

In the process that runs the answer, readers share its `Answer` in memory. In any other, `Follower` keeps a copy that
grows with the database's checkpoints, one query a second for all followed answers together; a faster way between
processes would replace its `_refresh`. A slow reader gets bigger slices; nothing is queued for anyone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from . import events
from .models import Completion
from .rendering.growing import AnswerRenderer

logger = logging.getLogger(__name__)

InDatabase = Callable[
    ..., Awaitable[Any]
]  # runs a synchronous function with its arguments in a thread

IDLE_SECONDS = 5.0  # how long a reader waits before it says that nothing has come
POLL_SECONDS = 1.0
# Between two sends to one reader; the longer, the more answers run.
LEAST_INTERVAL, MOST_INTERVAL = 0.05, 0.2


@dataclass(frozen=True)
class Ending:
    """How an answer ended: a Completion.Status other than running, and a code of errors.SENTENCES or none."""

    status: str
    code: str = ""


@dataclass
class Answer:
    """One answer while it runs: its whole text, its rendering, and who waits for more.

    Written by one task, read from any thread or loop. Positions are code points of the whole message.
    """

    completion_id: UUID
    message_id: UUID
    _text: str = ""
    reasoning: str = ""
    reasoning_seconds: float | None = None
    ending: Ending | None = None
    _pieces: list[str] = field(default_factory=list)
    _waiters: set[asyncio.Future[None]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _renderer: AnswerRenderer | None = None
    _rendered_at: float = 0.0
    _replace: str | None = None
    _finished: bool = False

    @property
    def text(self) -> str:
        if self._pieces:
            with self._lock:
                # The list is emptied last: another thread that finds it empty must find its text here.
                self._text += "".join(self._pieces)
                self._pieces = []
        return self._text

    def append(self, text: str, reasoning: str = "") -> None:
        if text:
            with self._lock:
                self._pieces.append(text)
        if reasoning:
            self.reasoning += reasoning
        self._wake()

    def grow_to(self, text: str, reasoning: str) -> None:
        """Take over a longer copy of the same answer."""
        have = self.text
        if len(text) > len(have) or len(reasoning) > len(self.reasoning):
            self.reasoning = reasoning
            self.append(text[len(have) :])

    def end(self, ending: Ending) -> None:
        self.ending = ending
        self._wake()

    def _wake(self) -> None:
        if not self._waiters:
            return
        with self._lock:
            waiters, self._waiters = self._waiters, set()
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        for waiter in waiters:
            loop = waiter.get_loop()
            if loop is here:
                _release(waiter)
            # A reader in a test client or under runserver has a loop of its own.
            elif loop.is_running():
                loop.call_soon_threadsafe(_release, waiter)

    async def changed(self, length: int, reasoning: int, *, seconds: float) -> bool:
        """Wait until there is more than that much text or reasoning, or the end; False after `seconds`."""
        waiter = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiters.add(waiter)
        try:
            # After registering: what came before it would never wake this reader.
            if self.ending or len(self.text) > length or len(self.reasoning) > reasoning:
                return True
            await asyncio.wait((waiter,), timeout=seconds)
            return waiter.done()
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    @contextmanager
    def rendered(self, interval: float) -> Iterator[AnswerRenderer]:
        """The shared rendering, brought up to date unless that was done less than `interval` seconds ago."""
        text, ended = self.text, self.ending is not None
        with self._lock:
            if self._renderer is None:
                self._renderer = AnswerRenderer(prefix=f"{self.message_id}-")
            now = time.monotonic()
            if ended and not self._finished:
                self._replace = self._renderer.finish(text)
                self._finished = True
            elif not ended and now - self._rendered_at >= interval:
                self._renderer.update(text)
                self._rendered_at = now
            yield self._renderer

    @property
    def replacement(self) -> str | None:
        """After the last rendering: the whole answer's HTML, if its blocks do not add up to it."""
        return self._replace


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


# The answers that run in this process. Copies of those that run elsewhere are the Follower's.
running: dict[UUID, Answer] = {}


def interval() -> float:
    """Seconds between two sends to one reader: 50 ms, rising to 200 ms as 200 answers run."""
    return min(MOST_INTERVAL, max(LEAST_INTERVAL, len(running) / 1000))


class Follower:
    """Copies of answers that other processes write, one query a second for all of them. Belongs to the engine."""

    def __init__(self, in_database: InDatabase) -> None:
        self.in_database = in_database
        self.answers: dict[UUID, Answer] = {}
        self.readers: Counter[UUID] = Counter()

    @contextmanager
    def follow(self, completion: Completion) -> Iterator[Answer]:
        """A copy for as long as the block lasts. `completion` comes with its message, as just read."""
        key, message = completion.pk, completion.message
        answer = self.answers.get(key)
        if answer is None:
            answer = self.answers[key] = Answer(key, message.pk, message.content, message.reasoning)
        self.readers[key] += 1
        try:
            yield answer
        finally:
            self.readers[key] -= 1
            if not self.readers[key]:
                del self.readers[key], self.answers[key]

    async def poll(self) -> None:
        """For as long as the engine lives."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                if self.answers:
                    await self._refresh()
            except Exception:  # the database may be away for a moment; the readers' pings go on
                logger.exception("Could not look at the answers of other processes")

    async def _refresh(self) -> None:
        """Bring every copy up to the database's last checkpoint."""
        followed = {key: answer for key, answer in self.answers.items() if answer.ending is None}
        rows: dict[UUID, Checkpoint] = await self.in_database(checkpoints_of, list(followed))
        for key, answer in followed.items():
            row = rows.get(key)
            if row is None:  # the conversation has been deleted
                answer.end(Ending(Completion.Status.STOPPED))
                continue
            answer.grow_to(row.text, row.reasoning)
            if row.ending is not None:
                answer.end(row.ending)


@dataclass(frozen=True)
class Checkpoint:
    """What the database has of an answer; `ending` is None while it runs."""

    text: str
    reasoning: str
    ending: Ending | None


def checkpoints_of(keys: list[UUID]) -> dict[UUID, Checkpoint]:
    """The last checkpoints of these completions, by id. One query."""
    rows = Completion.objects.filter(pk__in=keys).values_list(
        "pk", "message__content", "message__reasoning", "status", "error_code"
    )
    return {
        key: Checkpoint(
            text,
            reasoning,
            None if status == Completion.Status.RUNNING else Ending(status, code),
        )
        for key, text, reasoning, status, code in rows
    }


@dataclass
class Position:
    """Where one reader is: code points of text, reasoning and tail, finished blocks, the open block it has.

    A new connection has no open block: it is sent first, so that a tail never goes on from an older one.
    """

    text: int
    reasoning: int = 0
    is_told_thought: bool = False
    blocks: int = 0
    open_html: str | None = None
    tail: int = 0


Slice = tuple[events.Event, int | None]
Describe = Callable[[Ending], events.End]


async def read(
    answer: Answer, after: int, *, html: bool, describe: Describe
) -> AsyncGenerator[list[Slice], None]:
    """Slices of events with positions, from position `after` to the end; an empty one every 5 s of silence.

    html: blocks as HTML, else deltas of text. describe: makes the last event.
    """
    position = Position(max(0, after))
    if html:
        with answer.rendered(0) as rendered:
            # A block announced before the reader's position has reached it; a later one is sent (again).
            position.blocks = sum(1 for block in rendered.blocks if block.announced_at < after)
    slices_of = _html_slices if html else _text_slices
    while True:
        ending = answer.ending  # looked at first: text that came before the end is sent before it
        slices = slices_of(answer, position)
        if slices:
            yield slices
        if ending is not None:
            yield [(describe(ending), None)]
            return
        if slices or len(answer.text) > position.text:
            await asyncio.sleep(interval())
        if not await answer.changed(position.text, position.reasoning, seconds=IDLE_SECONDS):
            yield []


def _reasoning_slices(answer: Answer, position: Position) -> list[Slice]:
    slices: list[Slice] = []
    new = answer.reasoning[position.reasoning :]
    if new:
        position.reasoning += len(new)
        slices.append((events.Reasoning(new), None))
    if answer.reasoning_seconds is not None and not position.is_told_thought:
        position.is_told_thought = True
        slices.append((events.Thought(answer.reasoning_seconds), None))
    return slices


def _text_slices(answer: Answer, position: Position) -> list[Slice]:
    slices = _reasoning_slices(answer, position)
    new = answer.text[position.text :]
    if new:
        position.text += len(new)
        slices.append((events.Delta(new), position.text))
    return slices


def _html_slices(answer: Answer, position: Position) -> list[Slice]:
    """What became of the answer since this reader looked: finished blocks, then the open one, then its tail."""
    slices = _reasoning_slices(answer, position)
    with answer.rendered(interval()) as rendered:
        if rendered.length < position.text and answer.ending is None:
            return slices  # a copy that lags behind what its reader has seen elsewhere
        for block in rendered.blocks[position.blocks :]:
            slices.append((events.Block(block.index, block.html), block.end))
        if len(rendered.blocks) > position.blocks:
            position.blocks = len(rendered.blocks)
            position.open_html = None
        shows = rendered.open_html or rendered.tail
        if rendered.open_html != (position.open_html or "") or (
            position.open_html is None and shows
        ):
            slices.append((events.Open(rendered.open_index, rendered.open_html), rendered.length))
            position.open_html, position.tail = rendered.open_html, 0
        if new := rendered.tail[position.tail :]:
            slices.append((events.Tail(rendered.open_index, new), rendered.length))
            position.tail = len(rendered.tail)
        position.text = max(position.text, rendered.length)
    if answer.replacement is not None:
        slices.append((events.Replace(answer.replacement), position.text))
    return slices
