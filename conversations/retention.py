"""How long things are kept. The process does a little of this every few seconds, `manage.py housekeeping` all of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from . import kept_rows
from .models import Conversation

KEPT_FOR_UNDO = timedelta(minutes=10)
PURGED_AT_ONCE = 10


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
