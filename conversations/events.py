"""What a stream may say. `sse.py` alone knows how it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A finished top-level block of the answer, sent once."""

    index: int
    html: str


@dataclass(frozen=True)
class Open:
    """The block that is still growing, sent again as it grows."""

    index: int
    html: str


@dataclass(frozen=True)
class Tail:
    """Plain text that follows the open block, from where the last tail stopped, until it is rendered with it."""

    index: int
    text: str


@dataclass(frozen=True)
class Replace:
    """The whole answer, because the end changed how its beginning reads (reference links, footnotes)."""

    html: str


@dataclass(frozen=True)
class Delta:
    """New text; all of them together equal the stored content."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """What the model thought before it answered, apart from the answer and its positions."""

    text: str


@dataclass(frozen=True)
class Thought:
    """The thinking is over and the answer begins. Once, if this process knows how many seconds it took."""

    seconds: float


@dataclass(frozen=True)
class End:
    """How the answer ended; always the last event."""

    status: str
    message_id: str
    code: str = ""
    message: str = ""


Event = Block | Open | Tail | Replace | Delta | Reasoning | Thought | End
