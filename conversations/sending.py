"""From a request to a running answer: send, edit, regenerate, continue.

What is needed is read and decided first; then one short transaction writes everything or nothing. `answering.py` begins
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import ApiKey, User

from . import access, catalogue, comparing, preset_choices, runtime, selectors
from .answering import Begun, Draft, draft_answer, show_answer, start_answer
from .content import check_content, normalise, title_of
from .errors import (
    AnswerRunning,
    ClientIdReused,
    InvalidParameter,
    JustDeleted,
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
from .writing import writing


@dataclass(frozen=True)
class Sending:
    """What a request asks to send. `edit` names the user's message it replaces; `preset` may be empty.

    models: one name, several to compare, or none. compare: further ones; what is in both is asked once.
    """

    content: str
    client_id: UUID
    edit: UUID | None = None
    parent: UUID | None = None
    models: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    preset: str | None = None
    parameters: Values = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True)
class Sent:
    """Ids of what a send made, or (with `created` false) had made the first time. `answers`: several if compared."""

    conversation_id: UUID
    message_id: UUID
    answers: tuple[Begun, ...]
    created: bool

    @property
    def first(self) -> Begun:
        return self.answers[0]


def send_message(
    user: User,
    sending: Sending,
    *,
    conversation: Conversation | None,
    api_key: ApiKey | None = None,
    now: datetime,
) -> Sent:
    """Keep the message, reserve what its answer may cost and start the answer; all of it or nothing.

    api_key: what a program asks with, here and below.
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
    drafts = _drafts(user, sending, conversation, message, api_key)
    if conversation._state.adding and user.model_titles and api_key is None:
        drafts[0] = replace(drafts[0], gives_title=True)
    try:
        with writing():
            return _write(user, message, drafts, now)
    except (IntegrityError, JustDeleted, AnswerRunning):
        # The same message arrived twice at the same moment and the other one was first: it may be its answer that runs.
        earlier = _sent_before(user, sending)
        if earlier is None:
            raise
        return earlier


def _sent_before(user: User, sending: Sending) -> Sent | None:
    found = Message.objects.filter(owner=user, client_id=sending.client_id)
    message = found.select_related("conversation").first()
    if message is None:
        return None
    if message.conversation.deleted_at is not None:
        raise NotPossible(_("This conversation has just been deleted."))
    if message.content != normalise(sending.content):
        raise ClientIdReused
    completions = list(
        Completion.objects.filter(message__parent=message)
        .order_by("started_at", "message__created_at")
        .values_list("started_at", "message_id", "pk", "model_name")
    )
    if not completions:
        raise ClientIdReused
    # What was asked for together was begun at one moment; what was regenerated came later.
    answers = tuple(
        Begun(answer_id, completion_id, name)
        for moment, answer_id, completion_id, name in completions
        if moment == completions[0][0]
    )
    return Sent(message.conversation_id, message.pk, answers, created=False)


def _message(user: User, sending: Sending, conversation: Conversation, now: datetime) -> Message:
    """The user's message, not saved yet."""
    parent_id = _parent_of(conversation, sending)
    message = Message(
        conversation=conversation,
        owner=user,
        parent_id=parent_id,
        role=Message.Role.USER,
        content=normalise(sending.content),
        client_id=sending.client_id,
        created_at=now,
    )
    if parent_id is not None and parent_id == conversation.current_leaf_id:
        message.parent = conversation.current_leaf  # which has been read with the conversation
    return message


def _drafts(
    user: User,
    sending: Sending,
    conversation: Conversation,
    message: Message,
    api_key: ApiKey | None,
) -> list[Draft]:
    """Choose preset, models and parameters, in memory, and decide what is sent to each model by them."""
    limits = quotas.limits_of(user)
    chosen = _choose_preset(user, sending, conversation)
    models = _models(user, sending, conversation, limits)
    apply_parameters(conversation, sending.parameters)
    if chosen or sending.variables:
        apply_variables(conversation, sending.variables)
    before = selectors.turns(message.parent_id) if message.parent_id else []
    turns = [*before, Turn(message.role, message.content, message.pk)]
    return [
        draft_answer(user, conversation, model, limits, turns, api_key=api_key) for model in models
    ]


def _models(
    user: User, sending: Sending, conversation: Conversation, limits: quotas.Limits
) -> list[ChatModel]:
    """Who is to answer, each once, in the order of the request."""
    comparing.check_models(sending.models, sending.compare)
    preset = conversation.preset
    chosen = [
        catalogue.choose_model(
            name,
            limits=limits,
            candidates=(conversation.model, preset.model if preset else None),
            preferred=user.default_model,
        )
        for name in (*(sending.models or ("",)), *dict.fromkeys(sending.compare))
    ]
    distinct = {model.pk: model for model in chosen}
    comparing.check_models(tuple(distinct), ())
    return list(distinct.values())


def _choose_preset(user: User, sending: Sending, conversation: Conversation) -> bool:
    """The preset that is asked for, or a new conversation's default; whether one was chosen.

    A default that has been deleted, disabled or unshared since is no reason to refuse a message.
    """
    if sending.preset is not None:
        conversation.preset = preset_choices.choose_preset_again(
            user, sending.preset, sending.language, current=conversation.preset
        )
        return True
    if conversation._state.adding and user.default_preset:
        conversation.preset = preset_choices.find_preset(
            user, user.default_preset, sending.language
        )
        return True
    return False


def _parent_of(conversation: Conversation, sending: Sending) -> UUID | None:
    if conversation._state.adding:
        if sending.edit or sending.parent:
            raise InvalidParameter(
                _("A new conversation has no message to edit or to follow."),
                field="edit" if sending.edit else "parent",
            )
        return None
    if sending.edit:
        edited = access.find_message(conversation, sending.edit, role=Message.Role.USER)
        if edited is None:
            raise InvalidParameter(
                _("The message to edit is not in this conversation."), field="edit"
            )
        return edited.parent_id
    if sending.parent:
        if access.find_message(conversation, sending.parent, role=Message.Role.ASSISTANT) is None:
            raise InvalidParameter(
                _("The message to follow is not in this conversation."), field="parent"
            )
        return sending.parent
    return conversation.current_leaf_id


def _write(user: User, message: Message, drafts: list[Draft], now: datetime) -> Sent:
    conversation = drafts[0].conversation
    if conversation._state.adding:
        conversation.save(force_insert=True)
    else:
        _lock(conversation)
    message.save(force_insert=True)
    if message.parent is not None:
        comparing.decide(message.parent)
    comparison = uuid4() if len(drafts) > 1 else None
    try:
        answers = tuple(
            start_answer(user, draft, parent=message, comparison=comparison, now=now)
            for draft in drafts
        )
    except quotas.QuotaExceeded as refusal:
        refusal.answers = len(drafts)
        raise
    show_answer(drafts[0], answers[0], now=now)
    return Sent(conversation.pk, message.pk, answers, created=True)


def _lock(conversation: Conversation, *, again: Message | None = None) -> UUID | None:
    """Serialises sends to one conversation; raises AnswerRunning while an answer runs in it.

    again: the answer that is tried again or continued. Those it is compared with may run: returns their comparison.
    """
    locked = (
        Conversation.objects.select_for_update()
        .filter(pk=conversation.pk, deleted_at=None)
        .exists()
    )
    if not locked:
        raise NotPossible(_("This conversation has just been deleted."))
    running = conversation.completions.filter(status=Completion.Status.RUNNING)
    comparison = None
    if again is not None and again.comparison is not None:
        again.refresh_from_db(fields=["comparison"])
        comparison = again.comparison
    if comparison is not None:
        running = running.filter(Q(message=again) | ~Q(message__comparison=comparison))
    if running.exists():
        raise AnswerRunning
    return comparison


def apply_parameters(target: Sampling, parameters: Values) -> None:
    """Set sampling parameters by name; None is back to the default."""
    for name, value in parameters.items():
        setattr(target, name, value)


def apply_variables(conversation: Conversation, given: Mapping[str, str]) -> None:
    """What its preset's variables stand for: those given, then those it had. A blank one is taken back."""
    text = conversation.preset.instruction if conversation.preset else ""
    conversation.preset_variables = used_in(text, {**conversation.preset_variables, **given})


# --- Answering again -------------------------------------------------------------------------------------------------


def regenerate(
    user: User,
    message: Message,
    *,
    model: str = "",
    api_key: ApiKey | None = None,
    now: datetime,
) -> Sent:
    """Another answer beside this one; the old one is kept as its sibling."""
    if message.role != Message.Role.ASSISTANT or message.parent_id is None:
        raise NotPossible(_("Only an answer can be regenerated."))
    conversation = message.conversation
    runtime.ensure_open()
    limits = quotas.limits_of(user)
    chosen = _model_again(user, message, limits, model)
    turns = selectors.turns(message.parent_id)
    draft = draft_answer(user, conversation, chosen, limits, turns, api_key=api_key)
    with writing():
        comparison = _lock(conversation, again=message)
        begun = start_answer(user, draft, parent=message.parent, comparison=comparison, now=now)
        if comparison is None:
            show_answer(draft, begun, now=now)
        else:
            comparing.replace(message, begun.answer_id, now=now)
    return Sent(conversation.pk, message.parent_id, (begun,), created=True)


def continue_answer(
    user: User, message: Message, *, api_key: ApiKey | None = None, now: datetime
) -> Sent:
    """Go on with an answer that is not finished; the new text is appended to it."""
    if not message.is_unfinished or message.parent_id is None:
        raise NotPossible(
            _(
                "Only an answer that was stopped, was interrupted or has reached its longest length"
                " can be continued."
            )
        )
    if message.children.exists():
        raise NotPossible(_("The conversation has already gone on from this answer."))
    if not message.content:
        raise NotPossible(_("There is nothing to continue yet. Regenerate the answer instead."))
    conversation = message.conversation
    runtime.ensure_open()
    limits = quotas.limits_of(user)
    chosen = _model_again(user, message, limits, "")
    turns = selectors.turns(message.pk)
    with writing():
        comparison = _lock(conversation, again=message)
        # Read again under the lock: what is continued must be what is stored.
        message = Message.objects.get(pk=message.pk)
        if not message.is_unfinished:
            raise AnswerRunning
        draft = draft_answer(
            user, conversation, chosen, limits, turns, api_key=api_key, partial=message
        )
        Message.objects.filter(pk=message.pk).update(status=Message.Status.RUNNING, error_code="")
        begun = start_answer(user, draft, parent=None, now=now)
        if comparison is None:
            show_answer(draft, begun, now=now)
    assert message.parent_id is not None  # noqa: S101 (checked above; tells the type checker)
    return Sent(conversation.pk, message.parent_id, (begun,), created=True)


def _model_again(user: User, message: Message, limits: quotas.Limits, name: str) -> ChatModel:
    """The conversation's; of an answer that is compared with others, its own."""
    own = comparing.model_of(message) if message.comparison is not None else None
    return catalogue.choose_model(
        name,
        limits=limits,
        candidates=(own, message.conversation.model),
        preferred=user.default_model,
    )
