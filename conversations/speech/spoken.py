"""What of an answer can be read aloud now: of one that is being written, the sentences that are finished."""

from __future__ import annotations

from dataclasses import dataclass

from .. import relay
from ..errors import NotPossible
from ..models import Completion, Message
from .speakable import Part, speakable


@dataclass(frozen=True)
class Spoken:
    """complete: there will be no more."""

    parts: tuple[Part, ...]
    complete: bool


def spoken(message: Message, *, language: str) -> Spoken:
    """language: of the page. At most one query. Raises NotPossible for what is no answer."""
    if message.role != Message.Role.ASSISTANT:
        raise NotPossible
    complete = message.status != Message.Status.RUNNING
    text = message.content if complete else _text_so_far(message)
    return Spoken(speakable(text, complete=complete, language=language), complete)


def _text_so_far(message: Message) -> str:
    """This process may know more than the last checkpoint."""
    running = message.completions.filter(status=Completion.Status.RUNNING)
    for key in running.values_list("pk", flat=True):
        if answer := relay.running.get(key):
            return answer.text
    return message.content
