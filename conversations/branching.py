"""A branch taken into a conversation of its own: copied rows, so that neither changes the other."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID, uuid4

from django.core.cache import cache
from django.utils.translation import gettext as _

from . import selectors
from .errors import JustDeleted, NotPossible
from .models import Completion, Conversation, Message, Sampling
from .writing import writing

MOST_COPIED = 20_000  # messages
MOST_A_DAY = 100_000_000  # characters that one person may have copied: a copy is paid for by nobody
A_ROW = 1_000  # characters that a row counts for besides its text: short messages fill a disk, too
DAY_SECONDS = 24 * 60 * 60
AT_ONCE = 250  # messages in one transaction: nobody waits long for the one writer that SQLite has


def branch_conversation(
    conversation: Conversation, message: Message, *, now: datetime
) -> Conversation:
    """A new conversation with the branch that ends in this answer; preset, model and parameters as they are.

    Until it is complete it is in the bin: what a process that dies leaves behind is purged from there.
    Raises NotPossible for a user's message, while an answer of the branch is being written, or when much was copied.
    """
    if message.role != Message.Role.ASSISTANT:
        raise NotPossible(_("Only an answer can begin a new chat."))
    ids = selectors.ancestor_ids(message.pk, limit=MOST_COPIED)[::-1]
    if not ids:
        raise JustDeleted
    if _running(conversation) & set(ids):
        raise NotPossible(
            _("This answer is still being written. Branch from it when it is complete.")
        )
    keys = {key: uuid4() for key in ids}
    branch = _empty_copy(conversation, now)
    _count(branch.owner_id, len(str(branch.preset_variables)) + A_ROW, now)
    for first in range(0, len(ids), AT_ONCE):
        _copy(ids[first : first + AT_ONCE], branch, keys, now)
    branch.current_leaf_id, branch.deleted_at = keys[message.pk], None
    with writing():
        branch.save(update_fields=["current_leaf", "deleted_at"])
    return branch


def _running(conversation: Conversation) -> set[UUID]:
    running = conversation.completions.filter(status=Completion.Status.RUNNING)
    return set(running.values_list("message_id", flat=True))


def _copy(ids: list[UUID], branch: Conversation, keys: dict[UUID, UUID], now: datetime) -> None:
    """These messages, oldest first, after those copied before; with the first of them the conversation itself."""
    found = Message.objects.in_bulk(ids)
    rows = [found[key] for key in ids if key in found]
    _count(branch.owner_id, sum(len(row.content) + len(row.reasoning) + A_ROW for row in rows), now)
    completions = _newest_completions(rows)
    with writing():
        if branch._state.adding:
            branch.save(force_insert=True)
        Message.objects.bulk_create(_message(row, branch, keys) for row in rows)
        Completion.objects.bulk_create(
            _completion(completions[row.pk], branch, keys) for row in rows if row.pk in completions
        )


def _count(owner_id: int, characters: int, now: datetime) -> None:
    key = f"copied:{owner_id}:{now:%Y-%m-%d}"
    cache.add(key, 0, timeout=DAY_SECONDS)
    with suppress(ValueError):  # the cache has just been emptied
        characters = cache.incr(key, characters)
    if characters > MOST_A_DAY:
        raise NotPossible(
            _("You have copied as much as anyone can in one day. Branch again tomorrow.")
        )


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
        deleted_at=now,
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
