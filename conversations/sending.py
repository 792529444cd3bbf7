"""From a request to a running answer: send, edit, regenerate, continue.

What is needed is read and decided first; then one short transaction writes everything or nothing. `answering.py` begins
the answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import User

from . import catalogue, runtime, selectors
from .answering import Draft, draft_answer, start_answer
from .errors import (
    AnswerRunning,
    ClientIdReused,
    EmptyMessage,
    InvalidParameter,
    MessageTooLong,
    NotPossible,
)
from .models import (
    ChatModel,
    Completion,
    Conversation,
    Message,
    Sampling,
)
from .parameters import Values
from .prompt import Turn
from .variables import used_in

TITLE_LENGTH = 80


@dataclass(frozen=True)
class Sending:
    """What a request asks to send. `edit` names the user's message it replaces; `model`, `preset` may be empty."""

    content: str
    client_id: UUID
    edit: UUID | None = None
    parent: UUID | None = None
    model: str = ""
    preset: str | None = None
    parameters: Values = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True)
class Sent:
    """Ids of what a send made, or (with `created` false) had made the first time."""

    conversation_id: UUID
    message_id: UUID
    answer_id: UUID
    completion_id: UUID
    created: bool


def send_message(
    user: User, sending: Sending, *, conversation: Conversation | None, now: datetime
) -> Sent:
    """Keep the message, reserve what its answer may cost and start the answer; all of it or nothing.

    The same client id again gives the same ids and spends nothing. Raises ConversationError or QuotaExceeded.
    """
    earlier = _sent_before(user, sending)
    if earlier is not None:
        return earlier
    check_content(sending.content)
    runtime.ensure_open()
    conversation = conversation or Conversation(
        owner=user, title=title_of(sending.content), created_at=now, active_at=now
    )
    message = _message(user, sending, conversation, now)
    draft = _draft(user, sending, conversation, message)
    try:
        with transaction.atomic():
            return _write(user, message, draft, now)
    except (IntegrityError, AnswerRunning):
        # The same message arrived twice at the same moment and the other one was first: it may be its answer that runs.
        earlier = _sent_before(user, sending)
        if earlier is None:
            raise
        return earlier


def check_content(content: str) -> None:
    """Raises EmptyMessage or MessageTooLong."""
    if not content.strip():
        raise EmptyMessage
    size = len(content.encode())
    if size > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(
            _("The message has %(size)s bytes; the limit is %(limit)s. Shorten or split it.")
            % {"size": size, "limit": settings.MESSAGE_MAX_BYTES}
        )


def _sent_before(user: User, sending: Sending) -> Sent | None:
    message = Message.objects.filter(owner=user, client_id=sending.client_id).first()
    if message is None:
        return None
    if message.content != normalise(sending.content):
        raise ClientIdReused
    first = (
        Completion.objects.filter(message__parent=message)
        .order_by("started_at")
        .values_list("message_id", "pk")
        .first()
    )
    if first is None:
        raise ClientIdReused
    return Sent(message.conversation_id, message.pk, first[0], first[1], created=False)


def normalise(content: str) -> str:
    """Forms send line ends as CR LF; what is stored has LF."""
    return content.replace("\r\n", "\n").replace("\r", "\n")


def _message(user: User, sending: Sending, conversation: Conversation, now: datetime) -> Message:
    """The user's message, not saved yet."""
    return Message(
        conversation=conversation,
        owner=user,
        parent_id=_parent_of(conversation, sending),
        role=Message.Role.USER,
        content=normalise(sending.content),
        client_id=sending.client_id,
        created_at=now,
    )


def _draft(user: User, sending: Sending, conversation: Conversation, message: Message) -> Draft:
    """Choose preset, model and parameters, in memory, and decide what is sent by them."""
    limits = quotas.limits_of(user)
    preset_key = sending.preset
    if preset_key is None and conversation._state.adding and _preset_exists(user, sending):
        preset_key = user.default_preset
    if preset_key is not None:
        conversation.preset = catalogue.choose_preset(user, preset_key, sending.language)
    preset = conversation.preset
    conversation.model = catalogue.choose_model(
        sending.model,
        limits=limits,
        candidates=(conversation.model, preset.model if preset else None),
        preferred=user.default_model,
    )
    apply_parameters(conversation, sending.parameters)
    if preset_key is not None or sending.variables:
        apply_variables(conversation, sending.variables)
    before = selectors.turns(message.parent_id) if message.parent_id else []
    turns = [*before, Turn(message.role, message.content, message.pk)]
    return draft_answer(user, conversation, limits, turns)


def _preset_exists(user: User, sending: Sending) -> bool:
    """A default that has been deleted or disabled since is no reason to refuse a message."""
    presets = catalogue.presets_for(user, sending.language)
    return user.default_preset in {catalogue.preset_key(preset) for preset in presets}


def _parent_of(conversation: Conversation, sending: Sending) -> UUID | None:
    if conversation._state.adding:
        if sending.edit or sending.parent:
            raise InvalidParameter(_("A new conversation has no message to edit or to follow."))
        return None
    if sending.edit:
        edited = conversation.messages.filter(pk=sending.edit, role=Message.Role.USER).first()
        if edited is None:
            raise InvalidParameter(_("The message to edit is not in this conversation."))
        return edited.parent_id
    if sending.parent:
        if not conversation.messages.filter(
            pk=sending.parent, role=Message.Role.ASSISTANT
        ).exists():
            raise InvalidParameter(_("The message to follow is not in this conversation."))
        return sending.parent
    return conversation.current_leaf_id


def _write(user: User, message: Message, draft: Draft, now: datetime) -> Sent:
    conversation = draft.conversation
    if conversation._state.adding:
        conversation.save(force_insert=True)
    else:
        _lock(conversation)
    message.save(force_insert=True)
    answer, completion_id = start_answer(user, draft, parent=message, now=now)
    return Sent(conversation.pk, message.pk, answer.pk, completion_id, created=True)


def _lock(conversation: Conversation) -> None:
    """Serialises sends to one conversation; raises AnswerRunning while an answer runs in it."""
    locked = Conversation.objects.select_for_update().filter(pk=conversation.pk).exists()
    if not locked:
        raise NotPossible(_("This conversation has just been deleted."))
    if conversation.completions.filter(status=Completion.Status.RUNNING).exists():
        raise AnswerRunning


def title_of(content: str) -> str:
    """The first line that says something, cut at a character and not inside one."""
    line = next((line.strip() for line in content.splitlines() if line.strip()), "")
    line = "".join(
        char for char in line if unicodedata.category(char) not in {"Cc", "Cf"} or char == "\u200d"
    )
    if len(line) <= TITLE_LENGTH:
        return line or _("New chat")
    cut = line[:TITLE_LENGTH]
    while cut and unicodedata.combining(line[len(cut)]):
        cut = cut[:-1]
    return f"{cut.rstrip()}…"


def apply_parameters(target: Sampling, parameters: Values) -> None:
    """Set sampling parameters by name; None is back to the default."""
    for name, value in parameters.items():
        setattr(target, name, value)


def apply_variables(conversation: Conversation, given: Mapping[str, str]) -> None:
    """What its preset's variables stand for: those given, then those it had. A blank one is taken back."""
    text = conversation.preset.instruction if conversation.preset else ""
    conversation.preset_variables = used_in(text, {**conversation.preset_variables, **given})


# --- Answering again -------------------------------------------------------------------------------------------------


def regenerate(user: User, message: Message, *, model: str = "", now: datetime) -> Sent:
    """Another answer beside this one; the old one is kept as its sibling."""
    if message.role != Message.Role.ASSISTANT or message.parent_id is None:
        raise NotPossible(_("Only an answer can be regenerated."))
    conversation = message.conversation
    runtime.ensure_open()
    limits = quotas.limits_of(user)
    conversation.model = _model_again(user, conversation, limits, model)
    turns = selectors.turns(message.parent_id)
    draft = draft_answer(user, conversation, limits, turns)
    with transaction.atomic():
        _lock(conversation)
        answer, completion_id = start_answer(user, draft, parent=message.parent, now=now)
    return Sent(conversation.pk, message.parent_id, answer.pk, completion_id, created=True)


def continue_answer(user: User, message: Message, *, now: datetime) -> Sent:
    """Go on with a stopped or interrupted answer; the new text is appended to it."""
    resumable = {Message.Status.STOPPED, Message.Status.INTERRUPTED}
    if message.status not in resumable or message.parent_id is None:
        raise NotPossible(_("Only a stopped or interrupted answer can be continued."))
    if message.children.exists():
        raise NotPossible(_("The conversation has already gone on from this answer."))
    if not message.content:
        raise NotPossible(_("There is nothing to continue yet. Regenerate the answer instead."))
    conversation = message.conversation
    runtime.ensure_open()
    limits = quotas.limits_of(user)
    conversation.model = _model_again(user, conversation, limits, "")
    turns = selectors.turns(message.pk)
    with transaction.atomic():
        _lock(conversation)
        # Read again under the lock: what is continued must be what is stored.
        message = Message.objects.get(pk=message.pk)
        if message.status not in resumable:
            raise AnswerRunning
        draft = draft_answer(user, conversation, limits, turns, partial=message)
        Message.objects.filter(pk=message.pk).update(status=Message.Status.RUNNING, error_code="")
        answer, completion_id = start_answer(user, draft, parent=None, now=now)
    assert message.parent_id is not None  # noqa: S101 (checked above; tells the type checker)
    return Sent(conversation.pk, message.parent_id, answer.pk, completion_id, created=True)


def _model_again(
    user: User, conversation: Conversation, limits: quotas.Limits, name: str
) -> ChatModel:
    return catalogue.choose_model(
        name, limits=limits, candidates=(conversation.model,), preferred=user.default_model
    )
