"""Deleting conversations and taking it back; what an account leaves behind. `retention.py` empties the bin."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from accounts import quotas
from accounts.models import User

from . import completion, kept_rows, listing, presets, retention, runtime
from .errors import JustDeleted
from .models import Conversation
from .writing import lock

DELETED_AT_ONCE = 200
ERASED_AT_ONCE = 20


def delete_conversations(user: User, keys: Iterable[UUID], *, now: datetime) -> int:
    """Those of them that are this person's, in one transaction; returns how many.

    What runs in them is stopped and paid for first. `now` names them together to `restore_deleted_at`.
    """
    conversations = Conversation.objects.filter(owner=user, pk__in=list(keys), deleted_at=None)
    with transaction.atomic():
        # A send holds its conversation while it waits for the person's counters, which ending an answer takes.
        found = list(conversations.select_for_update().order_by("pk").values_list("pk", flat=True))
        ended = completion.end_all_in(found, now=now)
        Conversation.objects.filter(pk__in=found).update(deleted_at=now)
    for key in ended:
        runtime.stop(key)
    return len(found)


def delete_all_conversations(user: User, *, now: datetime) -> int:
    """Returns how many there were. In several transactions: nobody else's send waits for all of it."""
    count = 0
    mine = Conversation.objects.filter(owner=user, deleted_at=None).values_list("pk", flat=True)
    while keys := list(mine[:DELETED_AT_ONCE]):
        count += delete_conversations(user, keys, now=now)
    return count


def erase_conversations(user: User, *, now: datetime) -> None:
    """Of somebody who is about to go: all of them for good, in many short transactions, so that nobody waits for them.

    Whatever interrupts it leaves an account with fewer conversations, which can be deleted again.
    """
    mine = Conversation.objects.filter(owner=user).values_list("pk", flat=True)
    while keys := list(mine[:ERASED_AT_ONCE]):
        with transaction.atomic():
            found = Conversation.objects.filter(pk__in=keys).select_for_update().order_by("pk")
            ended = completion.end_all_in(list(found.values_list("pk", flat=True)), now=now)
            retention.remove(keys)
        for key in ended:
            runtime.stop(key)


def before_account_goes(user: User, *, now: datetime) -> None:
    """What runs is ended and paid for; what was shared stays with its users. In the transaction of the deletion.

    Everything is locked in the order in which a send takes it, the person last: who comes later is refused.
    """
    mine = Conversation.objects.filter(owner=user).select_for_update().order_by("pk")
    found, calls = list(mine.values_list("pk", flat=True)), quotas.hold_calls(user)
    ended = completion.end_all_in(found, now=now)
    for key in ended:
        transaction.on_commit(partial(runtime.stop, key))
    kept_rows.forget_with(found)
    quotas.interrupt(calls, now=now)
    quotas.hold(user)
    lock(user)
    presets.leave_copies_of(user)


def restore_conversation(conversation: Conversation) -> None:
    """Restoring what is there changes nothing. Raises JustDeleted if it has been purged."""
    if not Conversation.objects.filter(pk=conversation.pk).update(deleted_at=None):
        raise JustDeleted


def restore_deleted_at(user: User, moment: datetime) -> int:
    """Everything this person deleted together at that moment; returns how many."""
    return Conversation.objects.filter(owner=user, deleted_at=moment).update(deleted_at=None)


def restore_all(user: User, *, now: datetime) -> int:
    """Everything that this person can take back; returns how many."""
    return listing.deleted_of(user, now=now).update(deleted_at=None)
