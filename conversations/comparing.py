"""Several answers to one question, side by side, until one of them is kept.

They share a `comparison`. The conversation's leaf is one of them, at first the first: a message that is sent without
keeping one follows the leaf and thereby keeps it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Min
from django.utils.translation import gettext as _

from . import runtime
from .errors import InvalidParameter, JustDeleted
from .models import ChatModel, Completion, Conversation, Message
from .writing import writing

MOST_MODELS = 3


def check_models(names: Collection[object], further: Collection[object] = ()) -> None:
    """Raises InvalidParameter for more than three, and for one that is named twice where each is meant to answer."""
    if max(len(names), len(set(further))) > MOST_MODELS:
        raise InvalidParameter(
            _("At most %(limit)s models can be compared at once.") % {"limit": MOST_MODELS},
            field="model",
        )
    if len(set(names)) < len(names):
        raise InvalidParameter(
            _("The same model is named twice. Choose different ones to compare."), field="model"
        )


def compared_with(message: Message) -> list[Message]:
    """The answers in this one's comparison, itself included, in the order in which their models were asked.

    None for an answer that is compared with nothing. Two queries; none for most answers.
    """
    if message.comparison is None or message.parent_id is None:
        return []
    group = Message.objects.filter(parent=message.parent_id, comparison=message.comparison)
    # Another attempt takes the place of the one before it: that of its model's first.
    attempts = Completion.objects.filter(message__parent=message.parent_id)
    places = dict(attempts.values_list("model_name").annotate(place=Min("message__created_at")))
    names = dict(attempts.order_by("started_at").values_list("message_id", "model_name"))
    return sorted(group, key=lambda answer: (places[names[answer.pk]], answer.created_at))


def model_of(answer: Message) -> ChatModel | None:
    """The model that wrote it last. One query."""
    newest = answer.completions.select_related("chat_model").order_by("-started_at").first()
    return newest.chat_model if newest else None


def decide(kept: Message) -> None:
    """The conversation goes on from this answer: those it was compared with become its other versions.

    Nobody writes in them any more, or the caller has seen to the locks of `keep`.
    """
    if kept.comparison is not None:
        Message.objects.filter(parent=kept.parent_id, comparison=kept.comparison).update(
            comparison=None
        )


def keep(conversation: Conversation, kept: Message) -> None:
    """Go on from this answer and with its model. The others stay as its other versions; those that run are stopped."""
    with writing():
        locked = Conversation.objects.select_for_update().filter(pk=conversation.pk)
        if not locked.filter(deleted_at=None).exists():
            raise JustDeleted
        # Before the messages and in the order of checkpoints, which write several of them.
        running = list(
            Completion.objects.select_for_update()
            .filter(
                message__parent=kept.parent_id,
                message__comparison=kept.comparison,
                status=Completion.Status.RUNNING,
            )
            .order_by("pk")
            .values_list("pk", "message_id")
        )
        unwanted = [key for key, message_id in running if message_id != kept.pk]
        Completion.objects.filter(pk__in=unwanted).update(stop_requested=True)
        decide(kept)
        Conversation.objects.filter(pk=conversation.pk).update(
            current_leaf=kept, model=model_of(kept)
        )
    for key in unwanted:
        runtime.stop(key)


def replace(old: Message, new_id: UUID, *, now: datetime) -> None:
    """Another attempt takes this answer's place in the comparison; the old one stays as another version."""
    Message.objects.filter(pk=old.pk).update(comparison=None)
    conversation = Conversation.objects.filter(pk=old.conversation_id)
    conversation.update(active_at=now)
    conversation.filter(current_leaf=old).update(current_leaf=new_id)


def leading(leaf_id: UUID) -> UUID:
    """The answer itself, or the first of those it is compared with: where a branch that nobody decided goes on."""
    leaf = Message.objects.filter(pk=leaf_id).only("parent_id", "comparison").first()
    group = compared_with(leaf) if leaf else []
    return group[0].pk if group else leaf_id
