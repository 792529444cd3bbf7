"""Putting conversations in order: pinned, archived, in folders, with tags. Each verb takes any number of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User

from .errors import InvalidParameter, JustDeleted
from .models import Conversation, Folder, Tag
from .names import one_line
from .writing import lock, one_at_a_time, writing

MOST_LABELS = 100  # folders, and as many tags
Kind = TypeVar("Kind", Folder, Tag)


def theirs(user: User, keys: Collection[UUID]) -> QuerySet[Conversation]:
    """Those of them that are this person's."""
    return Conversation.objects.filter(owner=user, pk__in=list(keys), deleted_at=None)


def pin(user: User, keys: Collection[UUID], *, value: bool) -> int:
    """What is pinned is in the archive no longer."""
    changes = {"pinned": True, "archived": False} if value else {"pinned": False}
    return theirs(user, keys).update(**changes)


def archive(user: User, keys: Collection[UUID], *, value: bool) -> int:
    """What was pinned is so again when it is taken out."""
    return theirs(user, keys).update(archived=value)


def move(user: User, keys: Collection[UUID], folder: Folder | None) -> int:
    with writing():
        return theirs(user, keys).update(folder=folder)


def put_tag(user: User, keys: Collection[UUID], tag: Tag) -> int:
    """Putting it on twice is once."""
    through = Conversation.tags.through
    with writing():
        found = list(theirs(user, keys).order_by("pk").values_list("pk", flat=True))
        through.objects.bulk_create(
            [through(conversation_id=key, tag_id=tag.pk) for key in found], ignore_conflicts=True
        )
    return len(found)


def take_tag(user: User, keys: Collection[UUID], tag: Tag) -> int:
    return tag.conversations.through.objects.filter(
        tag=tag, conversation__in=theirs(user, keys)
    ).delete()[0]


def make_label(kind: type[Kind], user: User, name: str) -> Kind:
    """The person's folder or tag of that name, new if there is none. Raises InvalidParameter."""
    name = clean_name(kind, name)
    with writing():
        one_at_a_time(user)
        found = kind.objects.filter(owner=user, name=name).first()
        if found is not None:
            return found
        if kind.objects.filter(owner=user).count() >= MOST_LABELS:
            raise InvalidParameter(
                _("%(limit)s are the most there can be.") % {"limit": MOST_LABELS}
            )
        return kind.objects.create(owner=user, name=name)


def rename_label(label: Folder | Tag, name: str) -> None:
    """Raises InvalidParameter, also for a name that another one has, and JustDeleted."""
    label.name = clean_name(type(label), name)
    try:
        with transaction.atomic():
            found = type(label).objects.filter(pk=label.pk).update(name=label.name)
    except IntegrityError:
        raise InvalidParameter(_("There is one with that name already.")) from None
    if not found:
        raise JustDeleted


def delete_label(label: Folder | Tag) -> None:
    """The conversations stay."""
    with transaction.atomic():
        lock(label)
        label.delete()


def clean_name(kind: type[Folder] | type[Tag], name: str) -> str:
    """Raises InvalidParameter."""
    seen = one_line(name)
    limit = kind._meta.get_field("name").max_length or 0
    if not seen or len(seen) > limit:
        raise InvalidParameter(_("A name has 1 to %(limit)s characters.") % {"limit": limit})
    return seen
