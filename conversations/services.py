"""What can be done with a conversation: stop its answer, rename it, choose for it, show a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import User

from . import catalogue, comparing, preset_choices, runtime, selectors
from .errors import InvalidParameter, JustDeleted, NotPossible
from .models import Completion, Conversation, Message
from .names import one_line
from .parameters import Values
from .sending import apply_parameters, apply_variables
from .writing import writing


def stop_completion(completion_row: Completion) -> None:
    """Ask for the end of an answer, in whichever process it runs. Stopping twice, or too late, changes nothing."""
    Completion.objects.filter(pk=completion_row.pk, status=Completion.Status.RUNNING).update(
        stop_requested=True
    )
    runtime.stop(completion_row.pk)


def stop_all(conversation: Conversation) -> None:
    """Ask for the end of whatever is being answered here."""
    running = conversation.completions.filter(status=Completion.Status.RUNNING)
    keys = list(running.values_list("pk", flat=True))
    running.update(stop_requested=True)
    for key in keys:
        runtime.stop(key)


def rename_conversation(conversation: Conversation, *, title: str) -> None:
    """Raises InvalidParameter for an empty or too long title, and JustDeleted."""
    title = one_line(title)
    if not title or len(title) > 200:
        raise InvalidParameter(_("A title has 1 to 200 characters."), field="title")
    conversation.title = title
    named = Conversation.objects.filter(pk=conversation.pk)
    if not named.update(title=title, titled_by_person=True):
        raise JustDeleted


def choose(
    user: User,
    conversation: Conversation,
    *,
    model: str,
    preset: str | None,
    parameters: Values,
    language: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Model, role preset with its variables, and parameters of what follows in this conversation."""
    changes: dict[str, Any] = {}
    if model:
        changes["model"] = catalogue.choose_model(model, limits=quotas.limits_of(user))
    if preset is not None:
        conversation.preset = preset_choices.choose_preset_again(
            user, preset, language, current=conversation.preset
        )
        changes["preset"] = conversation.preset
    if preset is not None or variables:
        apply_variables(conversation, variables or {})
        changes["preset_variables"] = conversation.preset_variables
    apply_parameters(conversation, parameters)
    changes.update({name: getattr(conversation, name) for name in parameters})
    if changes:
        with writing():
            Conversation.objects.filter(pk=conversation.pk).update(**changes)


def show_branch(conversation: Conversation, message: Message) -> None:
    """Make the newest end of the branch through this message the one that is shown. A compared answer is kept."""
    if message.comparison is not None:
        comparing.keep(conversation, message)
        return
    leaf = comparing.leading(selectors.newest_leaf(message.pk))
    with writing():
        if not Conversation.objects.filter(pk=conversation.pk).update(current_leaf=leaf):
            raise JustDeleted


def give_feedback(message: Message, *, value: str) -> None:
    """What the person thinks of an answer: up, down, or empty to take it back.

    Raises InvalidParameter for another value, NotPossible for a message of their own.
    """
    if value not in Message.Feedback.values:
        raise InvalidParameter(_("value has to be up, down or empty."))
    if message.role != Message.Role.ASSISTANT:
        raise NotPossible(_("Only an answer can be rated."))
    Message.objects.filter(pk=message.pk).update(feedback=value)
