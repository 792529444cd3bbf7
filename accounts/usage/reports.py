"""What was used, added up by whatever is asked for. Reads the sums of each day, never the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum

from ..models import DailyUsage, UsagePeriod, User
from ..quotas import Period
from ..quotas.money import rounded


@dataclass(frozen=True)
class Sums:
    """Columns of `DailyUsage`, added up; money rounded as it is stored."""

    calls: int = 0
    errors: int = 0
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    money: Decimal = Decimal(0)
    first_tokens: int = 0
    first_tokens_seconds: float = 0.0
    first_tokens_in_1s: int = 0
    first_tokens_in_5s: int = 0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def seconds_to_first_token(self) -> float | None:
        """The mean; None where it is not known of any."""
        return self.first_tokens_seconds / self.first_tokens if self.first_tokens else None

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))


# What a chart of each needs.
SUMS_OF = {
    "requests": ("requests",),
    "tokens": ("tokens_in", "tokens_out"),
    "money": ("money",),
    "errors": ("errors",),
}
COLUMNS = tuple(column.name for column in fields(Sums))
Grouped = list[tuple[tuple[Any, ...], Sums]]


def sums_by(rows: QuerySet[DailyUsage], *by: str, only: Sequence[str] = COLUMNS) -> Grouped:
    """The values of those columns, and the sums of what has them in common. One query.

    only: the sums that are wanted; all of them take twice the time of one.
    """
    found = rows.order_by().values_list(*by).annotate(**{f"sum_{name}": Sum(name) for name in only})
    return [(row[: len(by)], _sums(dict(zip(only, row[len(by) :], strict=True)))) for row in found]


def _sums(values: dict[str, Any]) -> Sums:
    if "money" in values:
        values["money"] = rounded(values["money"])  # SQLite adds floats
    return Sums(**values)


def total(sums: Iterable[Sums]) -> Sums:
    return sum(sums, Sums())


def spent_between(first: date, last: date) -> QuerySet[DailyUsage]:
    """By everybody, both days included, without what was given back."""
    return DailyUsage.objects.filter(kind="", day__gte=first, day__lte=last)


def spent_by(user: User, first: date, last: date) -> QuerySet[DailyUsage]:
    return spent_between(first, last).filter(user=user)


def each_day(by_day: Grouped, first: date, last: date) -> list[tuple[date, Sums]]:
    """Also the days on which nothing was used."""
    found = {day: sums for (day,), sums in by_day}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day, found.get(day, Sums())) for day in days]


def given_back(user: User, period: Period) -> dict[str, Sums]:
    """What resets gave back of today and of this month, by kind; as negative sums. One query."""
    Kind = UsagePeriod.Kind
    current = Q(kind=Kind.DAY, day=period.day) | Q(kind=Kind.MONTH, day__gte=period.month)
    found = sums_by(DailyUsage.objects.filter(current, user=user), "kind")
    return {kind: sums for (kind,), sums in found}


def largest_first(rows: Grouped, measure: str) -> Grouped:
    """By that sum, then by requests, then by name, so that they always come in the same order."""
    return sorted(rows, key=lambda row: (-getattr(row[1], measure), -row[1].requests, str(row[0])))
