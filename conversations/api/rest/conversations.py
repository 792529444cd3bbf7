"""Conversations: found, read, renamed, put away, deleted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from conversations import listing
from conversations.listing import Row

from .fields import Search
from .keys import READ, caller
from .lists import read_cursor, write_cursor, wrong_cursor
from .schemas import ON_LISTS, ConversationList

conversations = Router(tags=["Conversations"], auth=READ)


@conversations.get("", response={200: ConversationList, **ON_LISTS}, summary="List conversations")
def list_conversations(request: HttpRequest, search: Query[Search]) -> dict[str, Any]:
    """The last active first. What is written in while you page moves to the front; nothing is missed or comes twice."""
    found = listing.conversations_of(caller(request).user, archived=search.archived, words=search.q)
    after = None
    if search.cursor is not None:
        after = listing.cursor_or_none("".join(read_cursor(search.cursor)))
        if after is None:
            raise wrong_cursor()
    rows, more = listing.page(found, after=after, limit=search.limit)
    return {
        "items": [_row(row, archived=search.archived) for row in rows],
        "next": write_cursor(rows[-1].cursor) if more else None,
    }


def _row(row: Row, *, archived: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "pinned": row.pinned,
        "archived": archived,
        "running": row.running,
        "created_at": row.created_at,
        "active_at": row.active_at,
        "url": row.url,
    }
