"""A branch taken into a conversation of its own: copied rows, so that neither changes the other."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from . import selectors
from .errors import NotPossible
from .models import Completion, Conversation, Message, Sampling

MOST_COPIED = 20_000  # messages


def branch_conversation(
    conversation: Conversation, message: Message, *, now: datetime
) -> Conversation:
    """A new conversation with the branch that ends in this answer; preset, model and parameters as they are.

    Raises NotPossible for a user's message, or while an answer of the branch is being written.
    """
    if message.role != Message.Role.ASSISTANT:
        raise NotPossible(_("Only an answer can begin a new chat."))
    with transaction.atomic():
        rows = _rows(message.pk)
        if any(row.status == Message.Status.RUNNING for row in rows):
            raise NotPossible(
                _("This answer is still being written. Branch from it when it is complete.")
            )
        branch = _empty_copy(conversation, now)
        branch.save(force_insert=True)
        keys = {row.pk: uuid4() for row in rows}
        completions = _newest_completions(rows)
        Message.objects.bulk_create(_message(row, branch, keys) for row in rows)
        Completion.objects.bulk_create(
            _completion(completions[row.pk], branch, keys) for row in rows if row.pk in completions
        )
        branch.current_leaf_id = keys[message.pk]
        branch.save(update_fields=["current_leaf"])
    return branch


def _rows(leaf: UUID) -> list[Message]:
    """The branch that ends there, oldest first."""
    ids = selectors.ancestor_ids(leaf, limit=MOST_COPIED)
    found = Message.objects.in_bulk(ids)
    return [found[key] for key in reversed(ids) if key in found]


def _empty_copy(conversation: Conversation, now: datetime) -> Conversation:
    parameters = {name: getattr(conversation, name) for name in Sampling.NAMES}
    return Conversation(
        owner_id=conversation.owner_id,
        title=conversation.title,
        titled_by_person=conversation.titled_by_person,
        preset_id=conversation.preset_id,
        preset_variables=conversation.preset_variables,
        model_id=conversation.model_id,
        folder_id=conversation.folder_id,
        created_at=now,
        active_at=now,
        **parameters,
    )


def _message(row: Message, branch: Conversation, keys: dict[UUID, UUID]) -> Message:
    """Without the client id, which named one send, and without the opinion, which would be counted twice."""
    return Message(
        pk=keys[row.pk],
        conversation=branch,
        owner_id=row.owner_id,
        parent_id=keys.get(row.parent_id) if row.parent_id else None,
        role=row.role,
        content=row.content,
        reasoning=row.reasoning,
        reasoning_seconds=row.reasoning_seconds,
        status=row.status,
        error_code=row.error_code,
        created_at=row.created_at,
    )


def _newest_completions(rows: list[Message]) -> dict[UUID, Completion]:
    answers = [row.pk for row in rows if row.role == Message.Role.ASSISTANT]
    found = Completion.objects.filter(message__in=answers).order_by("started_at")
    return {row.message_id: row for row in found}


def _completion(row: Completion, branch: Conversation, keys: dict[UUID, UUID]) -> Completion:
    """Who answered and how it ended. A copy has cost nothing."""
    return Completion(
        message_id=keys[row.message_id],
        conversation=branch,
        chat_model_id=row.chat_model_id,
        model_name=row.model_name,
        parameters=row.parameters,
        status=row.status,
        error_code=row.error_code,
        started_at=row.started_at,
        first_delta_at=row.first_delta_at,
        ended_at=row.ended_at,
    )
