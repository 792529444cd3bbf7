"""Messages: read, page by page or one by one; sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status

from ... import access, selectors, sending
from ...forms import sending_of, uuid_or_none
from ...models import Conversation
from ...selectors import Transcript
from ...views.replies import language
from .fields import NextQuestion, Paging, Question
from .keys import READ, SEND, caller
from .lists import read_cursor, write_cursor, wrong_cursor
from .message_schemas import Message, MessageList, Sent
from .replies import message_of, sent_reply
from .schemas import ON_READING, ON_SENDING

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


@messages.post(
    "/conversations/{conversation_id}/messages",
    auth=SEND,
    response={200: Sent, 201: Sent, **ON_SENDING},
    exclude_unset=True,
    summary="Send a message",
)
def send_message(
    request: HttpRequest, conversation_id: UUID, fields: NextQuestion
) -> Status[dict[str, Any]]:
    """The answer is being written when this is answered: follow its `events`. One at a time in a conversation."""
    return send(request, fields, access.get_conversation(caller(request).user, conversation_id))


def send(
    request: HttpRequest, fields: Question, conversation: Conversation | None
) -> Status[dict[str, Any]]:
    """conversation: None for a new one."""
    asking = caller(request)
    wanted = sending_of(fields.model_dump(mode="json", exclude_unset=True), language=language())
    sent = sending.send_message(
        asking.user,
        wanted,
        conversation=conversation,
        api_key=asking.api_key,
        now=timezone.now(),
    )
    return sent_reply(sent)


def page_of_messages(
    conversation: Conversation, paging: Paging
) -> tuple[Transcript, dict[str, Any]]:
    """Raises InvalidParameter for a cursor from elsewhere. Three queries, with a cursor four."""
    before = None
    if paging.cursor:
        before = uuid_or_none("".join(read_cursor(paging.cursor)))
        if before is None or access.find_message(conversation, before) is None:
            raise wrong_cursor()
    transcript = selectors.transcript(conversation, before=before, window=paging.limit)
    return transcript, {
        "items": [message_of(message) for message in transcript.messages],
        "next": write_cursor(str(transcript.older)) if transcript.older else None,
    }
