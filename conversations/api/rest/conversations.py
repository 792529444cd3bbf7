"""Conversations: found, read, renamed, put away, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status

from conversations import access, deletion, listing, organizing, preset_choices, services
from conversations.addresses import address
from conversations.listing import Row
from conversations.models import Completion
from conversations.models import Conversation as ConversationModel

from .catalogue import parameters_of
from .fields import Change, Paging, Search
from .keys import READ, WRITE, caller
from .lists import read_cursor, write_cursor, wrong_cursor
from .message_schemas import Conversation, ConversationList, ConversationRow
from .messages import message_of, page_of_messages
from .schemas import ON_CHANGES, ON_LISTS, ON_READING, errors

conversations = Router(tags=["Conversations"])


@conversations.get(
    "", auth=READ, response={200: ConversationList, **ON_LISTS}, summary="List conversations"
)
def list_conversations(request: HttpRequest, search: Query[Search]) -> dict[str, Any]:
    """The last active first. What is written in while you page moves to the front; what follows stays where it is."""
    found = listing.conversations_of(caller(request).user, archived=search.archived, words=search.q)
    after = None
    if search.cursor is not None:
        after = listing.cursor_or_none("".join(read_cursor(search.cursor)))
        if after is None:
            raise wrong_cursor()
    rows, more = listing.page(found, after=after, limit=search.limit)
    return {
        "items": [_listed(row, archived=search.archived) for row in rows],
        "next": write_cursor(rows[-1].cursor) if more else None,
    }


def _listed(row: Row, *, archived: bool) -> dict[str, Any]:
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


@conversations.get(
    "/{conversation_id}",
    auth=READ,
    response={200: Conversation, **ON_READING},
    summary="Read a conversation",
)
def get_conversation(
    request: HttpRequest, conversation_id: UUID, paging: Query[Paging]
) -> dict[str, Any]:
    """With the newest messages of the branch that it shows, oldest first; `messages.next` leads to those before."""
    found = access.get_conversation(caller(request).user, conversation_id)
    transcript, messages = page_of_messages(found, paging)
    return {
        **_row(found),
        "model": found.model.name if found.model else None,
        "preset": preset_choices.preset_key(found.preset) if found.preset else None,
        "variables": found.preset_variables,
        "parameters": parameters_of(found),
        "leaf": found.current_leaf_id,
        "messages": messages,
        "comparison": [message_of(answer) for answer in transcript.compared],
    }


def _row(found: ConversationModel) -> dict[str, Any]:
    """Like a row of the list. One query."""
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


@conversations.patch(
    "/{conversation_id}",
    auth=WRITE,
    response={200: ConversationRow, **ON_CHANGES},
    summary="Rename, pin or archive a conversation",
)
def change_conversation(
    request: HttpRequest, conversation_id: UUID, fields: Change
) -> dict[str, Any]:
    """Changes what is named. What is pinned leaves the archive."""
    user = caller(request).user
    found = access.get_conversation(user, conversation_id)
    given = fields.model_dump(exclude_unset=True)
    if "title" in given:
        services.rename_conversation(found, title=given["title"])
    if "pinned" in given:
        organizing.pin(user, [found.pk], value=given["pinned"])
    if "archived" in given:
        organizing.archive(user, [found.pk], value=given["archived"])
    return _row(access.get_conversation(user, found.pk))


@conversations.delete(
    "/{conversation_id}",
    auth=WRITE,
    response={204: None, **errors(401, 403, 404)},
    summary="Delete a conversation",
)
def delete_conversation(request: HttpRequest, conversation_id: UUID) -> Status[None]:
    """With all its messages. An answer that is being written in it is stopped."""
    user = caller(request).user
    found = access.get_conversation(user, conversation_id)
    deletion.delete_conversations(user, [found.pk], now=timezone.now())
    return Status(204, None)
