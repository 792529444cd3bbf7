"""The day and the month in which something is spent (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone


@dataclass(frozen=True)
class Period:
    """The day and month of one moment, in the site's time zone, and when each ends."""

    day: date
    month: date
    day_ends: datetime
    month_ends: datetime

    @classmethod
    def at(cls, now: datetime) -> Period:
        zone = timezone.get_default_timezone()
        day = now.astimezone(zone).date()
        month = day.replace(day=1)
        next_month = (month + timedelta(days=32)).replace(day=1)
        return cls(
            day=day,
            month=month,
            day_ends=_midnight(day + timedelta(days=1)),
            month_ends=_midnight(next_month),
        )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())
