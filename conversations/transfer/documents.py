"""One conversation as files: JSON with all its branches, Markdown of the one that is shown. In pieces, however long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Prefetch
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from .. import selectors
from ..models import Completion, Conversation, InstructionVersion, Message
from .reading import rows_of, rows_with

FORMAT = "chatsite-conversation"
VERSION = 1
ATTEMPT = (
    "id",
    "parameters",
    "status",
    "error_code",
    "started_at",
    "first_delta_at",
    "ended_at",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "prompt",
)
AT_ONCE = 20  # messages: each may have megabytes


@dataclass(frozen=True)
class Words:
    """What Markdown says beside the messages, in one language."""

    you: str
    answer: str
    states: dict[str, str]


def words() -> Words:
    """In the language that is active now: files are written piece by piece in threads that know none."""
    states = {value: str(label) for value, label in Message.Status.choices}
    del states[Message.Status.COMPLETE]
    return Words(you=_("You"), answer=_("Answer"), states=states)


def written(value: object, *, indent: int | None = None) -> str:
    """As JSON that people can read; moments in ISO 8601."""
    return json.dumps(value, ensure_ascii=False, indent=indent, cls=DjangoJSONEncoder)


def as_json(conversation: Conversation) -> Iterator[str]:
    """Everything its owner can see of it: every message of every branch with every attempt to answer."""
    yield written(_about(conversation), indent=2).removesuffix("\n}")
    yield ',\n  "messages": ['
    before, versions = "\n    ", set[int]()
    completions = Prefetch("completions", Completion.objects.order_by("started_at"))
    messages = conversation.messages.order_by("created_at", "pk").prefetch_related(completions)
    for message in rows_of(messages, at_once=AT_ONCE):
        yield before + written(_message(message))
        before = ",\n    "
        for completion in message.completions.all():
            versions |= completion.instruction_versions()
    yield '\n  ],\n  "instructions": {'
    before = "\n    "
    for version in rows_with(InstructionVersion.objects.all(), sorted(versions), at_once=AT_ONCE):
        yield f"{before}{written(str(version.pk))}: {written(version.text)}"
        before = ",\n    "
    yield "\n  }\n}\n"


def _about(conversation: Conversation) -> dict[str, Any]:
    model, preset, folder = conversation.model, conversation.preset, conversation.folder
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": conversation.pk,
        "title": conversation.title,
        "created_at": conversation.created_at,
        "active_at": conversation.active_at,
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        "folder": folder.name if folder else None,
        "tags": [tag.name for tag in conversation.tags.all()],
        "model": model.name if model else None,
        "preset": preset.name if preset else None,
        "preset_variables": conversation.preset_variables,
        "parameters": conversation.parameters(),
        "current_leaf": conversation.current_leaf_id,
    }


def _message(message: Message) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": message.pk,
        "parent": message.parent_id,
        "role": message.role,
        "created_at": message.created_at,
        "content": message.content,
    }
    if message.role == Message.Role.USER:
        return about
    return about | {
        "status": message.status,
        "error_code": message.error_code,
        "feedback": message.feedback,
        "reasoning": message.reasoning,
        "reasoning_seconds": message.reasoning_seconds,
        "comparison": message.comparison,
        "completions": [_completion(one) for one in message.completions.all()],
    }


def _completion(completion: Completion) -> dict[str, Any]:
    return {"model": completion.model_name, **{name: getattr(completion, name) for name in ATTEMPT}}


def as_markdown(conversation: Conversation, said: Words) -> Iterator[str]:
    """The branch that the page shows, to read."""
    yield f"# {' '.join(conversation.title.split())}\n"
    leaf = conversation.current_leaf_id
    branch = selectors.ancestor_ids(leaf, limit=selectors.LONGEST_BRANCH) if leaf else []
    messages = conversation.messages.prefetch_related("completions")
    for message in rows_with(messages, branch[::-1], at_once=AT_ONCE):
        at = localtime(message.created_at).strftime("%Y-%m-%d %H:%M")
        yield f"\n## {_speaker(message, said)} · {at}\n\n"
        yield f"{message.content.strip()}\n" if message.content.strip() else ""
        if message.status in said.states:
            yield f"\n*({said.states[message.status]})*\n"


def _speaker(message: Message, said: Words) -> str:
    if message.role == Message.Role.USER:
        return said.you
    attempts = sorted(message.completions.all(), key=lambda one: one.started_at)
    return attempts[-1].model_name if attempts else said.answer
