"""What the sidebar of a page shows: the person's conversations by age."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User

from .. import selectors
from ..models import Conversation


def sidebar_context(
    user: User, query: Mapping[str, str], shown: Conversation | None
) -> dict[str, Any]:
    """The user's conversations, grouped by when they were last active. One query."""
    before = _moment_or_none(query.get("older", ""))
    items, more = selectors.sidebar(user, before=before)
    today = timezone.localdate()
    groups = [
        (label, list(rows))
        for label, rows in groupby(
            items, key=lambda item: _age(today, timezone.localdate(item.active_at))
        )
    ]
    older = f"?{urlencode({'older': items[-1].active_at.isoformat()})}" if more else ""
    return {
        "sidebar": groups,
        "sidebar_more_url": older,
        "current_id": shown.pk if shown else None,
    }


def _age(today: Any, day: Any) -> str:
    if day >= today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    if day > today - timedelta(days=7):
        return _("Previous 7 days")
    if day > today - timedelta(days=30):
        return _("Previous 30 days")
    return date_format(day, "YEAR_MONTH_FORMAT")


def _moment_or_none(text: str) -> datetime | None:
    """The moment that a link of ours names; None for what only looks like one."""
    try:
        moment = parse_datetime(text.replace(" ", "+"))
        return moment.astimezone(UTC) if moment is not None and 1 < moment.year < 9999 else None
    except (ValueError, OverflowError):
        return None
