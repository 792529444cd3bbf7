"""What the sidebar of a page shows: what is pinned, folders, and the rest by age; or what has a tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User

from .. import access, listing
from ..forms import uuid_or_none
from ..listing import Label, Row, cursor_or_none
from ..models import Conversation, Tag

COOKIE = "sidebar"
MOST_OPEN = 12  # folders: the script keeps as many in the cookie


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    label: str
    rows: list[Row]


@dataclass(frozen=True)
class Shelf:
    """A folder of the sidebar; closed ones have no rows."""

    id: UUID
    name: str
    is_open: bool
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Remembered:
    """What the browser keeps of the sidebar's state, in a cookie: read here, nothing jumps when the page is shown."""

    collapsed: bool
    open_folders: tuple[UUID, ...]

    @classmethod
    def by(cls, request: HttpRequest) -> Remembered:
        words = request.COOKIES.get(COOKIE, "").split(".")[: MOST_OPEN + 1]
        keys = (uuid_or_none(word) for word in words)
        return cls("collapsed" in words, tuple(key for key in keys if key is not None))


def sidebar_context(
    request: HttpRequest, user: User, shown: Conversation | None = None
) -> dict[str, Any]:
    """At most six queries, however much there is."""
    remembered = Remembered.by(request)
    after = cursor_or_none(request.GET.get("older", ""))
    tag = tag_of(request, user)
    folders, tags = listing.labels(user)
    found = listing.conversations_of(user, tag=tag)
    if tag is None:
        found = found.filter(pinned=False, folder=None)
    rows, more = listing.page(found, after=after)
    whole = tag is None and after is None
    opened = {*remembered.open_folders}
    if shown is not None and shown.folder_id is not None:
        opened.add(shown.folder_id)
    kept = listing.shelves(user, open_folders=opened) if whole else []
    return {
        "sidebar": by_age(rows),
        "sidebar_pinned": [row for row in kept if row.pinned],
        "sidebar_folders": _shelves(folders, kept, opened) if whole else [],
        "sidebar_tags": tags,
        "sidebar_tag": tag,
        "sidebar_more_url": _more_url(rows[-1], tag) if more else "",
        "sidebar_newest_url": request.path if after is not None else "",
        "sidebar_collapsed": remembered.collapsed,
        "current_id": shown.pk if shown else None,
    }


def _shelves(folders: Iterable[Label], rows: list[Row], opened: set[UUID]) -> list[Shelf]:
    return [
        Shelf(
            folder.id,
            folder.name,
            folder.id in opened,
            [row for row in rows if row.folder_id == folder.id and not row.pinned],
        )
        for folder in folders
    ]


def _more_url(last: Row, tag: Tag | None) -> str:
    query = {"older": last.cursor} | ({"tag": str(tag.pk)} if tag else {})
    return f"?{urlencode(query)}"


def by_age(rows: Iterable[Row]) -> list[Group]:
    today = timezone.localdate()
    grouped = groupby(rows, key=lambda row: age(today, timezone.localdate(row.active_at)))
    return [Group(label, list(members)) for label, members in grouped]


def age(today: date, day: date) -> str:
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day > today - timedelta(days=7):
        return _("Previous 7 days")
    if day > today - timedelta(days=30):
        return _("Previous 30 days")
    return date_format(day, "YEAR_MONTH_FORMAT")


def tag_of(request: HttpRequest, user: User) -> Tag | None:
    """The tag that the address filters by. Another person's is not found."""
    key = uuid_or_none(request.GET.get("tag", ""))
    return access.get_tag(user, key) if key is not None else None
