"""What a session asks of a site, wherever that is. `local.py` and `remote.py` answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """conversation: None begins one. preset: None leaves the conversation's, or takes the person's default.

    variables: what the preset's stand for.
    """

    content: str
    client_id: UUID
    conversation: UUID | None = None
    model: str = ""
    preset: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


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

    def check(self, *, model: str = "") -> None:
        """Refuse a model that cannot be chosen; without one, whoever may not chat at all."""

    def models(self) -> list[str]: ...

    def variables(self, preset: str) -> list[str]:
        """The names of what a role preset asks for. Refuses one that cannot be chosen."""

    def send(self, question: Question) -> Begun:
        """The same question again is the same message: it is not sent twice."""

    def regenerate(self, completion: UUID, *, model: str) -> Begun: ...

    def follow(self, completion: UUID, tell: Tell) -> None:
        """Returns at once. Thoughts, the answer and its end, or what has gone wrong, are told by another thread."""

    def stop(self, completion: UUID) -> None: ...

    def close(self) -> None: ...
