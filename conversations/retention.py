"""How long things are kept. The process does a little of this every few seconds, `manage.py housekeeping` all of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from . import kept_rows
from .models import Completion, Conversation, InstructionVersion, SpokenPart

KEPT_FOR_UNDO = timedelta(minutes=10)
PURGED_AT_ONCE = 10
SPOKEN_FOR = timedelta(days=7)
NAMED_WITHIN = timedelta(days=1)  # by an answer, after an instruction is written down


def purge_deleted(now: datetime, limit: int = PURGED_AT_ONCE) -> int:
    """Remove what was deleted longer ago than Undo is offered, with all messages; returns how many went.

    One short transaction for each: nothing waits long for the one writer that SQLite has.
    """
    cutoff = now - KEPT_FOR_UNDO
    due = Conversation.objects.filter(deleted_at__lt=cutoff).order_by("deleted_at")
    return sum(_purge(key, cutoff) for key in list(due.values_list("pk", flat=True)[:limit]))


def keep_no_longer(now: datetime) -> None:
    """What was deleted while the clock was ahead of this, which is right, is not in the bin until then."""
    ahead = Conversation.objects.filter(deleted_at__gt=now + KEPT_FOR_UNDO)
    if ahead.exists():
        ahead.update(deleted_at=now)


def _purge(key: UUID, cutoff: datetime) -> bool:
    conversation = Conversation.objects.filter(pk=key, deleted_at__lt=cutoff)
    with transaction.atomic():
        if not conversation.select_for_update().exists():
            return False  # restored, or purged by another process
        remove([key])
    return True


def remove(keys: list[UUID]) -> None:
    """These conversations with all that is in them. In a transaction that holds them; nothing may run in them."""
    conversations = Conversation.objects.filter(pk__in=keys)
    kept_rows.forget_with(keys)
    conversations.update(current_leaf=None)
    conversations.delete()


def forget_instructions(now: datetime) -> int:
    """Remove texts of people that were sent only for answers that are gone; returns how many.

    One person after the other, in one query over their answers. Who sends the same text again at the very moment in
    which it goes is answered as always; only the receipt of that answer does not show it.
    """
    owned = InstructionVersion.objects.filter(created_at__lt=now - NAMED_WITHIN)
    people = owned.exclude(owner=None).order_by("owner").values_list("owner", flat=True).distinct()
    return sum(_forget_instructions(owned.filter(owner=owner), owner) for owner in list(people))


def _forget_instructions(versions: QuerySet[InstructionVersion], owner: int | None) -> int:
    unused = set(versions.values_list("pk", flat=True))
    answers = Completion.objects.filter(conversation__owner=owner).only("prompt")
    for completion in answers.iterator(chunk_size=500):
        unused -= completion.instruction_versions()
    return InstructionVersion.objects.filter(pk__in=unused).delete()[0]


def forget_spoken(now: datetime) -> int:
    """Remove sound that was made long ago, of all of an answer at once: it can be made again. Returns how much went."""
    old = SpokenPart.objects.filter(begun_at__lt=now - SPOKEN_FOR).values("message")
    return SpokenPart.objects.filter(message__in=old).delete()[0]
