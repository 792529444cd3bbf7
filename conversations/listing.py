"""Questions about many conversations: the sidebar's rows, folders and tags, titles, what runs, the bin; with costs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value, Window
from django.db.models.functions import RowNumber
from django.utils.dateparse import parse_datetime

from accounts.models import User

from .addresses import address
from .models import Completion, Conversation, Folder, Tag
from .retention import KEPT_FOR_UNDO

ROWS = 60
ROWS_OF_A_SHELF = 30  # pinned, or in one folder; all of a folder are a link away
ROWS_OF_THE_BIN = 50
FIELDS = ("pk", "title", "active_at", "pinned", "folder_id", "created_at")
FIELDS_OF_THE_BIN = ("pk", "title", "deleted_at")


@dataclass(frozen=True)
class Row:
    """One conversation in a list."""

    id: UUID
    title: str
    active_at: datetime
    pinned: bool
    folder_id: UUID | None
    created_at: datetime
    running: bool = False

    @property
    def url(self) -> str:
        return address("conversation", self.id)

    @property
    def cursor(self) -> str:
        return f"{self.active_at.isoformat()}_{self.id}"


@dataclass(frozen=True)
class Deleted:
    """One conversation that can be taken back, and until when."""

    id: UUID
    title: str
    goes_at: datetime
    seconds_left: int

    @property
    def minutes_left(self) -> int:
        """At least 1: the minute that has begun is counted."""
        return math.ceil(self.seconds_left / 60)

    @property
    def restore_url(self) -> str:
        return address("restore", self.id)


@dataclass(frozen=True)
class Cursor:
    """The row after which a list goes on: newer activity cannot move what follows."""

    active_at: datetime
    id: UUID


def cursor_or_none(text: str) -> Cursor | None:
    """The place that `Row.cursor` named; None for what only looks like one."""
    moment_text, _line, key_text = text.replace(" ", "+").partition("_")
    try:
        moment = parse_datetime(moment_text)
        if moment is None or not 1 < moment.year < 9999:
            return None
        return Cursor(moment.astimezone(UTC), UUID(key_text))
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Label:
    """A folder or a tag."""

    id: UUID
    name: str


def conversations_of(
    user: User,
    *,
    archived: bool = False,
    words: str = "",
    folder: Folder | None = None,
    tag: Tag | None = None,
) -> QuerySet[Conversation]:
    """Newest first, as the indexes have them. `words` all have to be in the title."""
    found = Conversation.objects.filter(owner=user, archived=archived, deleted_at=None)
    for word in words.split()[:8]:
        found = found.filter(title__icontains=word)
    if folder is not None:
        found = found.filter(folder=folder)
    if tag is not None:
        found = found.filter(tags=tag)
    return found.order_by("-active_at", "id")


def page(
    found: QuerySet[Conversation], *, after: Cursor | None = None, limit: int = ROWS
) -> tuple[list[Row], bool]:
    """So many rows, and whether there are more. Two queries."""
    if after is not None:
        found = found.filter(active_at__lte=after.active_at).exclude(
            active_at=after.active_at, id__lte=after.id
        )
    rows = list(found.values_list(*FIELDS)[: limit + 1])
    return _rows(rows[:limit]), len(rows) > limit


def shelves(user: User, *, open_folders: Collection[UUID]) -> list[Row]:
    """What is pinned or in an open folder, the newest of each. Two queries, one if there is nothing."""
    place = Window(
        RowNumber(),
        partition_by=[F("pinned"), F("folder_id")],
        order_by=[F("active_at").desc(), F("pk").asc()],
    )
    found = (
        conversations_of(user)
        .filter(Q(pinned=True) | Q(folder__in=open_folders))
        .annotate(place=place)
        .filter(place__lte=ROWS_OF_A_SHELF)
    )
    rows = list(found.values_list(*FIELDS))
    return _rows(rows) if rows else []


def labels(user: User) -> tuple[list[Label], list[Label]]:
    """The person's folders and tags by name. One query."""
    folders = Folder.objects.filter(owner=user).order_by()
    tags = Tag.objects.filter(owner=user).order_by()
    both = folders.values_list("pk", "name", Value(0)).union(
        tags.values_list("pk", "name", Value(1)), all=True
    )
    found = sorted(both, key=lambda row: (row[1].casefold(), row[1]))
    named = [[Label(key, name) for key, name, kind in found if kind == wanted] for wanted in (0, 1)]
    return named[0], named[1]


def deleted_of(user: User, *, now: datetime) -> QuerySet[Conversation]:
    """What this person can take back, deleted last first.

    A branch is in the bin, too, while it is copied: until it is whole it has no leaf, and nobody has deleted it.
    """
    found = Conversation.objects.filter(
        owner=user, deleted_at__gt=now - KEPT_FOR_UNDO, current_leaf__isnull=False
    )
    return found.order_by("-deleted_at", "-active_at", "id")


def bin_of(user: User, *, now: datetime) -> tuple[list[Deleted], bool]:
    """So many of them, and whether there are more. One query."""
    found = deleted_of(user, now=now).values_list(*FIELDS_OF_THE_BIN)
    rows = []
    for key, title, deleted_at in found[: ROWS_OF_THE_BIN + 1]:
        goes_at = deleted_at + KEPT_FOR_UNDO
        rows.append(Deleted(key, title, goes_at, math.ceil((goes_at - now).total_seconds())))
    return rows[:ROWS_OF_THE_BIN], len(rows) > ROWS_OF_THE_BIN


def running(user: User) -> set[UUID]:
    """The conversations of this person in which an answer runs. One query over the few that run at all."""
    return set(
        Completion.objects.filter(
            status=Completion.Status.RUNNING,
            conversation__owner=user,
            conversation__deleted_at=None,
        ).values_list("conversation_id", flat=True)
    )


def _rows(rows: Iterable[tuple[UUID, str, datetime, bool, UUID | None, datetime]]) -> list[Row]:
    rows = list(rows)
    ids = [row[0] for row in rows]
    busy = set(
        Completion.objects.filter(
            status=Completion.Status.RUNNING, conversation__in=ids
        ).values_list("conversation_id", flat=True)
    )
    return [Row(*row, running=row[0] in busy) for row in rows]
