"""Messages: read, page by page or one by one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from conversations import access, selectors
from conversations.forms import uuid_or_none
from conversations.models import Conversation
from conversations.selectors import MessageView, Transcript

from .fields import Paging
from .keys import READ, caller
from .lists import read_cursor, write_cursor, wrong_cursor
from .message_schemas import Message, MessageList
from .schemas import ON_READING

messages = Router(tags=["Messages"])


@messages.get(
    "/conversations/{conversation_id}/messages",
    auth=READ,
    response={200: MessageList, **ON_READING},
    summary="List messages",
)
def list_messages(
    request: HttpRequest, conversation_id: UUID, paging: Query[Paging]
) -> dict[str, Any]:
    """The newest of the branch that the conversation shows, oldest first; `next` leads to those before."""
    found = access.get_conversation(caller(request).user, conversation_id)
    return page_of_messages(found, paging)[1]


@messages.get(
    "/messages/{message_id}",
    auth=READ,
    response={200: Message, **ON_READING},
    summary="Read a message",
)
def get_message(request: HttpRequest, message_id: UUID) -> dict[str, Any]:
    """On whichever branch it is."""
    found = access.get_message(caller(request).user, message_id)
    return message_of(selectors.message_views([found])[0])


def page_of_messages(
    conversation: Conversation, paging: Paging
) -> tuple[Transcript, dict[str, Any]]:
    """Raises InvalidParameter for a cursor from elsewhere. Three queries, with a cursor four."""
    before = None
    if paging.cursor is not None:
        before = uuid_or_none("".join(read_cursor(paging.cursor)))
        if before is None or access.find_message(conversation, before) is None:
            raise wrong_cursor()
    transcript = selectors.transcript(conversation, before=before, window=paging.limit)
    return transcript, {
        "items": [message_of(message) for message in transcript.messages],
        "next": write_cursor(str(transcript.older)) if transcript.older else None,
    }


def message_of(view: MessageView) -> dict[str, Any]:
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
        "events": None,
        "created_at": view.created_at,
    }
