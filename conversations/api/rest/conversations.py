"""Conversations: begun, found, read, renamed, put away, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status

from ... import access, deletion, listing, organizing, preset_choices, services
from ...listing import Row
from .fields import Change, Paging, Question, Search
from .keys import READ, SEND, WRITE, caller
from .lists import read_cursor, write_cursor, wrong_cursor
from .message_schemas import Conversation, ConversationList, ConversationRow, Sent
from .messages import page_of_messages, send
from .replies import conversation_row, message_of, parameters_of
from .schemas import ON_CHANGES, ON_LISTS, ON_READING, ON_SENDING, errors

conversations = Router(tags=["Conversations"])


@conversations.get(
    "", auth=READ, response={200: ConversationList, **ON_LISTS}, summary="List conversations"
)
def list_conversations(request: HttpRequest, search: Query[Search]) -> dict[str, Any]:
    """The last active first. What is written in while you page moves to the front; what follows stays where it is."""
    found = listing.conversations_of(caller(request).user, archived=search.archived, words=search.q)
    after = None
    if search.cursor:
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


@conversations.post(
    "",
    auth=SEND,
    response={200: Sent, 201: Sent, **ON_SENDING},
    exclude_unset=True,
    summary="Begin a conversation",
)
def begin_conversation(request: HttpRequest, fields: Question) -> Status[dict[str, Any]]:
    """By its first message. The answer is being written when this is answered: follow its `events`."""
    return send(request, fields, None)


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
        **conversation_row(found),
        "model": found.model.name if found.model else None,
        "preset": preset_choices.preset_key(found.preset) if found.preset else None,
        "variables": found.preset_variables,
        "parameters": parameters_of(found),
        "leaf": found.current_leaf_id,
        "messages": messages,
        "comparison": [message_of(answer) for answer in transcript.compared],
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
    return conversation_row(access.get_conversation(user, found.pk))


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
