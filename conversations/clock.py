"""Whether the site's clock may decide what goes by its age: not for a day after it was set, or may have been.

A clock that is suddenly far ahead makes everything old. Each look notes the time; one that comes long after the last,
or before it, begins a new day in which nothing goes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from .models import ClockLook

logger = logging.getLogger(__name__)

TRUSTED_AFTER = timedelta(days=1)
LONGEST_PAUSE = timedelta(days=8)  # between two looks: a weekly timer may be late
SET_BACK = timedelta(hours=1)  # more than the clocks of a site's machines differ
NOTED_EVERY = timedelta(minutes=10)
THE_ROW = 1


def trusted_from(now: datetime) -> datetime:
    """The moment from which on things may go by their age, past or to come. One query."""
    return _steady_since(ClockLook.objects.filter(pk=THE_ROW).first(), now) + TRUSTED_AFTER


def look(now: datetime) -> datetime:
    """The same, and note that the site looked. Any number of processes may look at once."""
    row, _is_first = ClockLook.objects.get_or_create(
        pk=THE_ROW, defaults={"looked_at": now, "steady_since": now}
    )
    since = _steady_since(row, now)
    as_read = ClockLook.objects.filter(pk=THE_ROW, looked_at=row.looked_at)
    if since != row.steady_since:
        if as_read.update(looked_at=now, steady_since=now):
            logger.warning(
                "The clock went from %s to %s since the last look: nothing goes by its age for a day",
                row.looked_at,
                now,
            )
    elif now - row.looked_at >= NOTED_EVERY:
        as_read.update(looked_at=now)
    return since + TRUSTED_AFTER


def _steady_since(row: ClockLook | None, now: datetime) -> datetime:
    if row is None or not -SET_BACK <= now - row.looked_at <= LONGEST_PAUSE:
        return now
    return row.steady_since
