"""What a session asks of a site, wherever that is. `local.py` and `remote.py` answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..events import Event

NO_CONVERSATION = _("There is no such conversation, or it belongs to someone else.")

Tell = Callable[[Event | Exception], None]


class Refused(Exception):
    """Something is not done; `message` says why."""

    def __init__(self, message: str | Promise) -> None:
        super().__init__(str(message))
        self.message = str(message)


class Lost(Refused):
    """The site went away while its answer was being read."""


@dataclass(frozen=True)
class Question:
    """conversation: None begins one. preset: None leaves the conversation's, or takes the person's default."""

    content: str
    client_id: UUID
    conversation: UUID | None = None
    model: str = ""
    preset: str | None = None


@dataclass(frozen=True)
class Begun:
    """An answer that is being written."""

    conversation: UUID
    completion: UUID


@dataclass(frozen=True)
class Said:
    """A message as it stands in a conversation that is opened again."""

    role: str
    content: str
    completion: UUID | None
    is_running: bool


@dataclass(frozen=True)
class Opened:
    """said: its last messages, oldest first."""

    title: str
    said: tuple[Said, ...]

    @property
    def last(self) -> Said | None:
        """The answer that it ends in."""
        return next((one for one in reversed(self.said) if one.completion is not None), None)


class Client(Protocol):
    """All of these raise Refused."""

    def open(self, conversation: UUID) -> Opened: ...

    def check(self, *, model: str = "", preset: str | None = None) -> None:
        """Refuse a model or a role preset that cannot be chosen; without either, whoever may not chat at all."""

    def models(self) -> list[str]: ...

    def send(self, question: Question) -> Begun:
        """The same question again is the same message: it is not sent twice."""

    def regenerate(self, completion: UUID, *, model: str) -> Begun: ...

    def follow(self, completion: UUID, tell: Tell) -> None:
        """Returns at once. Deltas, reasoning and the end, or what has gone wrong, are told by another thread."""

    def stop(self, completion: UUID) -> None: ...

    def close(self) -> None: ...
