"""The cache of messages rendered for pages: one entry for each, which goes when the message goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from .models import Message

SECONDS_KEPT = 60 * 60
SECONDS_OF_A_REQUEST = 120  # and more: rendering a page takes a second at worst
AT_ONCE = 500  # keys in one command

Kept = tuple[str, str]  # a mark of what the row shows, its HTML


def find(keys: Collection[UUID]) -> dict[UUID, Kept]:
    """As they were when they were kept. One look-up."""
    names = {_name(key): key for key in keys}
    return {names[name]: kept for name, kept in cache.get_many(names).items()}


def keep(rows: Mapping[UUID, Kept], conversations: Collection[UUID]) -> None:
    """Unless their conversation was deleted while they were rendered.

    Whoever deletes it says so before the rows are forgotten: what is kept after that is seen here to be too late.
    """
    cache.set_many({_name(key): kept for key, kept in rows.items()}, SECONDS_KEPT)
    if cache.get_many([_gone(key) for key in conversations]):
        _forget(list(rows))


def forget_with(conversations: Collection[UUID]) -> None:
    """As soon as the transaction is committed in which these conversations are deleted. Before they are."""
    found = Message.objects.filter(conversation__in=conversations)
    messages = list(found.values_list("pk", flat=True))
    gone = {_gone(key): True for key in conversations}

    def forget() -> None:
        cache.set_many(gone, SECONDS_OF_A_REQUEST)
        _forget(messages)

    transaction.on_commit(forget, robust=True)


def _forget(messages: list[UUID]) -> None:
    for start in range(0, len(messages), AT_ONCE):
        cache.delete_many([_name(key) for key in messages[start : start + AT_ONCE]])


def _name(message: UUID) -> str:
    return f"row:{message}"


def _gone(conversation: UUID) -> str:
    return f"gone:{conversation}"
