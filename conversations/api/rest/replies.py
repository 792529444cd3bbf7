"""From rows to what replies hold, where more than one route does it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from ninja import Status

from ...addresses import address
from ...answering import Begun
from ...models import Completion, Conversation, Sampling
from ...selectors import MessageView
from ...sending import Sent


def conversation_row(found: Conversation) -> dict[str, Any]:
    """As in a list. One query."""
    running = found.completions.filter(status=Completion.Status.RUNNING)
    return {
        "id": found.pk,
        "title": found.title,
        "pinned": found.pinned,
        "archived": found.archived,
        "running": running.exists(),
        "created_at": found.created_at,
        "active_at": found.active_at,
        "url": address("conversation", found.pk),
    }


def parameters_of(row: Sampling) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Sampling.NAMES}


def message_of(view: MessageView) -> dict[str, Any]:
    runs = view.is_running and view.completion_id is not None
    return {
        "id": view.id,
        "role": view.role,
        "status": view.status,
        "code": view.error_code,
        "content": view.content,
        "reasoning": view.reasoning,
        "model": view.model_name,
        "feedback": view.feedback,
        "siblings": view.siblings,
        "completion": view.completion_id,
        "events": _of_completion(view.completion_id, "events") if runs else None,
        "created_at": view.created_at,
    }


def sent_reply(sent: Sent) -> Status[dict[str, Any]]:
    """201 for what was made, 200 for what had been made before, like the replies to pages; with addresses of ours."""
    body: dict[str, Any] = {
        "conversation": sent.conversation_id,
        "message": sent.message_id,
        "url": address("conversation", sent.conversation_id),
        **_begun(sent.first),
    }
    if len(sent.answers) > 1:
        body["answers"] = [{**_begun(one), "model": one.model_name} for one in sent.answers]
    return Status(201 if sent.created else 200, body)


def _begun(begun: Begun) -> dict[str, Any]:
    return {
        "answer": begun.answer_id,
        "completion": begun.completion_id,
        "events": _of_completion(begun.completion_id, "events"),
        "stop": _of_completion(begun.completion_id, "stop"),
    }


def _of_completion(key: UUID | None, what: str) -> str:
    return f"{reverse('conversations:rest')}completions/{key}/{what}"
