"""What everybody used in a period, by whatever an administrator asks for, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..quotas import Period
from .charts import Chart
from .reports import (
    COLUMNS,
    SUMS_OF,
    Grouped,
    each_day,
    largest_first,
    spent_between,
    sums_by,
    total,
)
from .tables import MEASURES, Choice, Row, chart_of, day_rows, key_rows, model_rows

MOST_ROWS = 100  # on the page; the file has all

PERIODS = {
    "today": gettext_lazy("Today"),
    "7": gettext_lazy("7 days"),
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "month": gettext_lazy("This month"),
}
SHOWN = {**MEASURES, "errors": gettext_lazy("Errors")}


def _user_rows(rows: Grouped) -> list[Row]:
    return [Row(name or _("Deleted accounts"), sums) for (name,), sums in rows]


def _group_rows(rows: Grouped) -> list[Row]:
    return [Row(name or _("In no group"), sums) for (name,), sums in rows]


def _day_rows(rows: Grouped) -> list[Row]:
    return day_rows([(day, sums) for (day,), sums in rows])


@dataclass(frozen=True)
class Breakdown:
    """columns: of `DailyUsage`; file_columns: their names in the file."""

    label: str | Promise
    columns: tuple[str, ...]
    file_columns: tuple[str, ...]
    rows: Callable[[Grouped], list[Row]]


BREAKDOWNS = {
    "user": Breakdown(gettext_lazy("User"), ("user__username",), ("user",), _user_rows),
    "group": Breakdown(gettext_lazy("Group"), ("user__groups__name",), ("group",), _group_rows),
    "model": Breakdown(
        gettext_lazy("Model"), ("model_name", "service"), ("model", "service"), model_rows
    ),
    "key": Breakdown(
        gettext_lazy("API key"),
        ("api_key__name", "api_key__prefix", "api_key__user__username"),
        ("api_key", "beginning", "user"),
        key_rows,
    ),
    "day": Breakdown(gettext_lazy("Day"), ("day",), ("day",), _day_rows),
}


@dataclass(frozen=True)
class Overview:
    """by, shown, period: what was chosen. first, last: the days, both included."""

    by: str
    shown: str
    period: str
    first: date
    last: date

    @cached_property
    def by_day(self) -> Grouped:
        """With all sums only where the others do not add up to all: who is in several groups counts in each."""
        only = COLUMNS if self.by in ("day", "group") else SUMS_OF[self.shown]
        return sums_by(spent_between(self.first, self.last), "day", only=only)

    @cached_property
    def groups(self) -> Grouped:
        """Every one, the largest first; days as they came."""
        if self.by == "day":
            return sorted(self.by_day, key=lambda row: row[0])
        found = sums_by(spent_between(self.first, self.last), *BREAKDOWNS[self.by].columns)
        return largest_first(found, self.shown)

    @property
    def rows(self) -> list[Row]:
        return BREAKDOWNS[self.by].rows(self.groups[:MOST_ROWS])

    @property
    def left_out(self) -> int:
        return max(len(self.groups) - MOST_ROWS, 0)

    @cached_property
    def total(self) -> Row:
        of = self.by_day if self.by == "group" else self.groups
        return Row(_("Total"), total(sums for _values, sums in of))

    @property
    def chart(self) -> Chart:
        return chart_of(each_day(self.by_day, self.first, self.last), self.shown)

    @property
    def column(self) -> str | Promise:
        return BREAKDOWNS[self.by].label

    @property
    def measure(self) -> str | Promise:
        return SHOWN[self.shown]

    @property
    def file_columns(self) -> tuple[str, ...]:
        return BREAKDOWNS[self.by].file_columns

    @property
    def query(self) -> str:
        return self._query()

    @property
    def periods(self) -> list[Choice]:
        return self._choices("period", self.period, PERIODS)

    @property
    def measures(self) -> list[Choice]:
        return self._choices("show", self.shown, SHOWN)

    @property
    def breakdowns(self) -> list[Choice]:
        labels = {name: one.label for name, one in BREAKDOWNS.items()}
        return self._choices("by", self.by, labels)

    def _choices(
        self, name: str, current: str, labels: Mapping[str, str | Promise]
    ) -> list[Choice]:
        return [
            Choice(str(label), self._query(**{name: value}), value == current)
            for value, label in labels.items()
        ]

    def _query(self, **changes: str) -> str:
        chosen = {"period": self.period, "by": self.by, "show": self.shown}
        return f"?{urlencode(chosen | changes)}"


def overview_of(query: Mapping[str, str], *, now: datetime) -> Overview:
    """What an address asks for; what it does not say, or says wrongly, is the first or usual choice."""
    period = query.get("period", "")
    period = period if period in PERIODS else "30"
    by, shown = query.get("by", ""), query.get("show", "")
    today = Period.at(now)
    days = {"today": 1, "month": today.day.day}.get(period) or int(period)
    return Overview(
        by=by if by in BREAKDOWNS else "user",
        shown=shown if shown in SHOWN else "requests",
        period=period,
        first=today.day - timedelta(days=days - 1),
        last=today.day,
    )
