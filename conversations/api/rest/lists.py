"""Lists of `{items, next}`: `next` is the cursor that the next request gives, null at the end."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.utils.translation import gettext as _

from ...errors import InvalidParameter

Row = TypeVar("Row")
Place = tuple[str, ...]


def write_cursor(*place: str) -> str:
    text = json.dumps(place, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place:
    """What `write_cursor` was given. Raises InvalidParameter for what it cannot have made."""
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise wrong_cursor() from None
    if not isinstance(place, list) or not all(isinstance(part, str) for part in place):
        raise wrong_cursor()
    return tuple(place)


def wrong_cursor() -> InvalidParameter:
    return InvalidParameter(
        _("cursor has to be the value of “next” of the page before."), field="cursor"
    )


def page_of(
    rows: Iterable[Row], place: Callable[[Row], Place], *, cursor: str, limit: int
) -> tuple[list[Row], str | None]:
    """So many of a few rows, in the order of their places, after a cursor; and the next cursor.

    place: no two rows have the same one.
    """
    found = sorted(rows, key=place)
    if cursor:
        before = read_cursor(cursor)
        found = [row for row in found if place(row) > before]
    shown = found[:limit]
    return shown, write_cursor(*place(shown[-1])) if len(found) > limit else None
