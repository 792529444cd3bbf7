"""The one door: whatever a request names by id comes from here, and missing and not-yours are the same 404."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.shortcuts import get_object_or_404

from accounts.models import User

from . import preset_choices
from .models import Completion, Conversation, Folder, Message, PresetVersion, RolePreset, Tag


def get_conversation(user: User, conversation_id: UUID) -> Conversation:
    """With preset, model and leaf. One query."""
    rows = Conversation.objects.select_related("preset", "model", "current_leaf")
    return get_object_or_404(rows, pk=conversation_id, owner=user, deleted_at=None)


def get_restorable(user: User, conversation_id: UUID) -> Conversation:
    """Also one that has been deleted, for as long as it is kept. One query."""
    return get_object_or_404(Conversation, pk=conversation_id, owner=user)


def get_message(user: User, message_id: UUID) -> Message:
    """With its conversation. One query."""
    rows = Message.objects.select_related(
        "conversation", "conversation__preset", "conversation__model"
    )
    return get_object_or_404(
        rows, pk=message_id, conversation__owner=user, conversation__deleted_at=None
    )


def find_message(conversation: Conversation, message_id: UUID, *, role: str = "") -> Message | None:
    """One of a conversation that came through this door, perhaps only if it has that role. One query."""
    found = conversation.messages.filter(pk=message_id)
    return (found.filter(role=role) if role else found).first()


def get_completion(user: User, completion_id: UUID) -> Completion:
    """With its message and conversation. One query."""
    rows = Completion.objects.select_related(
        "message", "conversation", "conversation__preset", "conversation__model"
    )
    return get_object_or_404(
        rows, pk=completion_id, conversation__owner=user, conversation__deleted_at=None
    )


def get_preset(user: User, preset_id: UUID) -> RolePreset:
    """One that the user may use, or keeps for the site. With its model and owner. One or two queries."""
    usable = preset_choices.visible_presets(user).filter(pk=preset_id)
    found = usable.select_related("model", "owner").first()
    return found or get_kept_preset(user, preset_id)


def get_own_preset(user: User, preset_id: UUID) -> RolePreset:
    """With its model and owner. One query."""
    rows = RolePreset.objects.select_related("model", "owner")
    return get_object_or_404(rows, pk=preset_id, owner=user)


def get_kept_preset(user: User, preset_id: UUID) -> RolePreset:
    """One whose history and settings are the user's business: their own, or the site's if they look after those."""
    rows = RolePreset.objects.select_related("model", "owner")
    kept = Q(owner=user)
    if user.has_perm("conversations.change_rolepreset"):
        kept |= Q(owner=None)
    return get_object_or_404(rows, kept, pk=preset_id)


def get_preset_version(preset: RolePreset, number: int) -> PresetVersion:
    """Of a preset that came from here. One query."""
    return get_object_or_404(preset.versions, number=number)


def get_folder(user: User, folder_id: UUID) -> Folder:
    """One query."""
    return get_object_or_404(Folder, pk=folder_id, owner=user)


def get_tag(user: User, tag_id: UUID) -> Tag:
    """One query."""
    return get_object_or_404(Tag, pk=tag_id, owner=user)
