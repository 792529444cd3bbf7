"""From a request to a running answer: send, edit, regenerate, continue.

What is needed is read and decided first; then one short transaction writes messages, completion and reservation, or
nothing. An answer starts running only after its commit.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import User

from . import catalogue, runtime, selectors
from .completion import Job
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
    InstructionVersion,
    Message,
    RolePreset,
    Sampling,
)
from .prompt import LEAST_ANSWER, Prompt, Turn, build_prompt
from .upstream import ChatCall

TITLE_LENGTH = 80
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Sending:
    """What a request asks to send. `edit` names the user's message it replaces; `model`, `preset` may be empty."""

    content: str
    client_id: UUID
    edit: UUID | None = None
    parent: UUID | None = None
    model: str = ""
    preset: str | None = None
    parameters: Mapping[str, float | int] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True)
class Sent:
    """Ids of what a send made, or (with `created` false) had made the first time."""

    conversation_id: UUID
    message_id: UUID
    answer_id: UUID
    completion_id: UUID
    created: bool


# --- Sending ---------------------------------------------------------------------------------------------------------


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
    draft = _prepare_send(user, sending, conversation)
    try:
        with transaction.atomic():
            sent = _write_send(user, sending, draft, now)
    except IntegrityError:
        # The same message arrived twice at the same moment and the other one was first.
        earlier = _sent_before(user, sending)
        if earlier is None:
            raise
        return earlier
    return sent


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


@dataclass(frozen=True)
class _Draft:
    """What was read and decided before anything is written."""

    conversation: Conversation
    is_new: bool
    parent_id: UUID | None
    message_id: UUID | None
    model: ChatModel
    limits: quotas.Limits
    parameters: dict[str, Any]
    prompt: Prompt
    instructions: tuple[str, ...]
    partial: Message | None = None


def _prepare_send(user: User, sending: Sending, conversation: Conversation | None) -> _Draft:
    limits = quotas.limits_of(user)
    is_new = conversation is None
    if conversation is None:
        conversation = Conversation(owner=user, title=title_of(sending.content))
    preset_key = sending.preset
    if preset_key is None and is_new:
        preset_key = user.default_preset if _preset_exists(user, sending) else ""
    preset = conversation.preset
    if preset_key is not None:
        preset = catalogue.choose_preset(user, preset_key, sending.language)
    conversation.preset = preset
    conversation.model = catalogue.choose_model(
        sending.model,
        limits=limits,
        candidates=(conversation.model, preset.model if preset else None),
        preferred=user.default_model,
    )
    apply_parameters(conversation, sending.parameters)
    parent_id = _parent_of(conversation, sending, is_new=is_new)
    turns = selectors.turns(conversation, parent_id) if parent_id else []
    message_id = uuid4()
    turns.append(Turn("user", normalise(sending.content), message_id))
    return _draft(
        user, conversation, limits, turns, parent_id=parent_id, message_id=message_id, is_new=is_new
    )


def _preset_exists(user: User, sending: Sending) -> bool:
    """A default that has been deleted or disabled since is no reason to refuse a message."""
    presets = catalogue.presets_for(user, sending.language)
    return user.default_preset in {catalogue.preset_key(preset) for preset in presets}


def _parent_of(conversation: Conversation, sending: Sending, *, is_new: bool) -> UUID | None:
    if is_new:
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


def _draft(
    user: User,
    conversation: Conversation,
    limits: quotas.Limits,
    turns: Sequence[Turn],
    *,
    parent_id: UUID | None,
    message_id: UUID | None = None,
    is_new: bool = False,
    partial: Message | None = None,
) -> _Draft:
    model, preset = conversation.model, conversation.preset
    assert model is not None  # noqa: S101 (chosen by every caller; tells the type checker)
    parameters = {**(preset.parameters() if preset else {}), **conversation.parameters()}
    wanted = min(
        int(parameters.get("max_tokens") or model.max_output_tokens), model.max_output_tokens
    )
    instructions = tuple(
        text for text in (preset.instruction if preset else "", user.custom_instructions) if text
    )
    prompt = build_prompt(
        instructions=instructions,
        examples=_examples(preset),
        turns=turns,
        context_window=model.context_window,
        answer_tokens=wanted,
        continues=partial is not None,
    )
    return _Draft(
        conversation=conversation,
        is_new=is_new,
        parent_id=parent_id,
        message_id=message_id,
        model=model,
        limits=limits,
        parameters=parameters,
        prompt=prompt,
        instructions=instructions,
        partial=partial,
    )


def _examples(preset: RolePreset | None) -> list[Turn]:
    turns = preset.few_shot_turns if preset else []
    return [Turn(str(turn["role"]), str(turn["content"])) for turn in turns or []]


def _write_send(user: User, sending: Sending, draft: _Draft, now: datetime) -> Sent:
    conversation = draft.conversation
    if draft.is_new:
        conversation.created_at = conversation.active_at = now
        conversation.save(force_insert=True)
    else:
        _lock(conversation)
    message = Message.objects.create(
        id=draft.message_id,
        conversation=conversation,
        owner=user,
        parent_id=draft.parent_id,
        role=Message.Role.USER,
        content=normalise(sending.content),
        client_id=sending.client_id,
        created_at=now,
    )
    answer, completion_id = _start_answer(user, draft, parent=message, now=now)
    return Sent(conversation.pk, message.pk, answer.pk, completion_id, created=True)


def _lock(conversation: Conversation) -> None:
    """Serialises sends to one conversation; raises AnswerRunning while an answer runs in it."""
    locked = Conversation.objects.select_for_update().filter(pk=conversation.pk).exists()
    if not locked:
        raise NotPossible(_("This conversation has just been deleted."))
    if conversation.completions.filter(status=Completion.Status.RUNNING).exists():
        raise AnswerRunning


def _start_answer(
    user: User, draft: _Draft, *, parent: Message | None, now: datetime
) -> tuple[Message, UUID]:
    """The answer's message (new, or the partial one), its completion, the reservation, and the start after commit."""
    conversation, model, prompt = draft.conversation, draft.model, draft.prompt
    completion_id = uuid4()
    granted = quotas.reserve(
        user,
        key=completion_id,
        limits=draft.limits,
        tokens=prompt.tokens + prompt.answer_tokens,
        least_tokens=prompt.tokens + min(LEAST_ANSWER, prompt.answer_tokens),
        money=(prompt.tokens * model.price_in + prompt.answer_tokens * model.price_out) / MILLION,
        now=now,
    )
    answer = draft.partial
    if answer is None:
        answer = Message.objects.create(
            conversation=conversation,
            owner=user,
            parent=parent,
            role=Message.Role.ASSISTANT,
            status=Message.Status.RUNNING,
            created_at=timezone.now(),
        )
    call = _call(draft, max_tokens=granted - prompt.tokens)
    Completion.objects.create(
        id=completion_id,
        message=answer,
        conversation=conversation,
        chat_model=model,
        model_name=model.name,
        parameters={**call.parameters, "max_tokens": call.max_tokens},
        start_position=len(answer.content),
        process=runtime.PROCESS,
        heartbeat_at=now,
        started_at=now,
        prompt=_record(draft),
    )
    Conversation.objects.filter(pk=conversation.pk).update(
        current_leaf=answer,
        active_at=now,
        preset=conversation.preset,
        model=model,
        **{name: getattr(conversation, name) for name in Sampling.NAMES},
    )
    job = Job(
        completion_id=completion_id,
        message_id=answer.pk,
        chat_model_id=model.pk,
        model_name=model.name,
        address=catalogue.address_of(model.endpoint),
        call=call,
        prompt_tokens=prompt.tokens,
        context_window=model.context_window,
        price_in=model.price_in,
        price_cached=model.price_in if model.price_cached is None else model.price_cached,
        price_out=model.price_out,
        started_at=now,
        text=answer.content,
        reasoning=answer.reasoning,
    )
    transaction.on_commit(lambda: runtime.start(job))
    return answer, completion_id


def _call(draft: _Draft, *, max_tokens: int) -> ChatCall:
    refused = set(draft.model.dropped_parameters or [])
    return ChatCall(
        model=draft.model.name,
        messages=draft.prompt.messages,
        max_tokens=max_tokens,
        max_tokens_parameter=draft.model.max_tokens_parameter,
        parameters={
            name: value
            for name, value in draft.parameters.items()
            if name != "max_tokens" and name not in refused
        },
    )


def _record(draft: _Draft) -> dict[str, Any]:
    """What was sent, without a copy of it: the branch between two messages never changes."""
    kept = draft.prompt.kept
    record: dict[str, Any] = {
        "instructions": [instruction_version(text) for text in draft.instructions],
        "examples": len(_examples(draft.conversation.preset)),
        "first": str(kept[0].id) if kept else "",
        "last": str(kept[-1].id) if kept else "",
        "left_out": draft.prompt.left_out,
        "tokens": draft.prompt.tokens,
    }
    if draft.partial is not None:
        record["partial"] = len(draft.partial.content)
    return record


def instruction_version(text: str) -> int:
    """The id of the immutable row with this text. One query for a text that this process has seen."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    row, _created = InstructionVersion.objects.get_or_create(digest=digest, defaults={"text": text})
    return row.pk


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


def apply_parameters(target: Sampling, parameters: Mapping[str, float | int]) -> None:
    """Set sampling parameters by name, validated. Raises InvalidParameter with the name."""
    for name, value in parameters.items():
        column = cast("models.Field[Any, Any]", target._meta.get_field(name))
        try:
            setattr(target, name, column.clean(value, target))
        except ValidationError as error:
            raise InvalidParameter(f"{name}: {' '.join(error.messages)}") from error


# --- Answering again -------------------------------------------------------------------------------------------------


def regenerate(user: User, message: Message, *, model: str = "", now: datetime) -> Sent:
    """Another answer beside this one; the old one is kept as its sibling."""
    if message.role != Message.Role.ASSISTANT or message.parent_id is None:
        raise NotPossible(_("Only an answer can be regenerated."))
    conversation = message.conversation
    runtime.ensure_open()
    limits = quotas.limits_of(user)
    conversation.model = _model_again(user, conversation, limits, model)
    turns = selectors.turns(conversation, message.parent_id)
    draft = _draft(user, conversation, limits, turns, parent_id=message.parent_id)
    with transaction.atomic():
        _lock(conversation)
        answer, completion_id = _start_answer(user, draft, parent=message.parent, now=now)
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
    turns = selectors.turns(conversation, message.pk)
    with transaction.atomic():
        _lock(conversation)
        # Read again under the lock: what is continued must be what is stored.
        message = Message.objects.get(pk=message.pk)
        if message.status not in resumable:
            raise AnswerRunning
        draft = _draft(
            user, conversation, limits, turns, parent_id=message.parent_id, partial=message
        )
        Message.objects.filter(pk=message.pk).update(status=Message.Status.RUNNING, error_code="")
        answer, completion_id = _start_answer(user, draft, parent=None, now=now)
    assert message.parent_id is not None  # noqa: S101 (checked above; tells the type checker)
    return Sent(conversation.pk, message.parent_id, answer.pk, completion_id, created=True)


def _model_again(
    user: User, conversation: Conversation, limits: quotas.Limits, name: str
) -> ChatModel:
    return catalogue.choose_model(
        name, limits=limits, candidates=(conversation.model,), preferred=user.default_model
    )
