"""The one door: whatever a request names by id comes from here, and missing and not-yours are the same 404."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from accounts.models import User

from .models import Completion, Conversation, Message


def get_conversation(user: User, conversation_id: UUID) -> Conversation:
    """With preset, model and leaf. One query."""
    try:
        return Conversation.objects.select_related("preset", "model", "current_leaf").get(
            pk=conversation_id, owner=user, deleted_at=None
        )
    except Conversation.DoesNotExist:
        raise Http404 from None


def get_restorable(user: User, conversation_id: UUID) -> Conversation:
    """Also one that has been deleted, for as long as it is kept. One query."""
    try:
        return Conversation.objects.get(pk=conversation_id, owner=user)
    except Conversation.DoesNotExist:
        raise Http404 from None


def get_message(user: User, message_id: UUID) -> Message:
    """With its conversation. One query."""
    try:
        return Message.objects.select_related(
            "conversation", "conversation__preset", "conversation__model"
        ).get(pk=message_id, conversation__owner=user, conversation__deleted_at=None)
    except Message.DoesNotExist:
        raise Http404 from None


def get_completion(user: User, completion_id: UUID) -> Completion:
    """With its message and conversation. One query."""
    try:
        return Completion.objects.select_related(
            "message", "conversation", "conversation__preset", "conversation__model"
        ).get(pk=completion_id, conversation__owner=user, conversation__deleted_at=None)
    except Completion.DoesNotExist:
        raise Http404 from None
