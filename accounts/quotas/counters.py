"""The rows that count one person's day and month: opened, held, read. What they count is changed by the siblings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from ..models import UsagePeriod, UsageRecord, User
from .limits import NO_LIMITS, Limits
from .money import ZERO, rounded
from .periods import Period

DAY, MONTH = UsagePeriod.Kind.DAY, UsagePeriod.Kind.MONTH


def open_counters(user: User, period: Period) -> None:
    UsagePeriod.objects.bulk_create(
        [
            UsagePeriod(user=user, kind=DAY, start=period.day),
            UsagePeriod(user=user, kind=MONTH, start=period.month),
        ],
        ignore_conflicts=True,
    )


def hold(user: User) -> None:
    """Until the transaction ends nobody else reserves or settles for this person, whose account is being deleted."""
    rows = UsagePeriod.objects.select_for_update().filter(user=user)
    list(rows.order_by("kind", "pk").values_list("pk"))  # days before months


def counters_of(user: User, period: Period) -> tuple[UsagePeriod, UsagePeriod]:
    """The day's and the month's counters, all zero where nothing has been spent. One query."""
    found = UsagePeriod.objects.filter(
        Q(kind=DAY, start=period.day) | Q(kind=MONTH, start=period.month), user=user
    )
    rows = {row.kind: row for row in found}
    return (
        rows.get(DAY) or UsagePeriod(user=user, kind=DAY, start=period.day),
        rows.get(MONTH) or UsagePeriod(user=user, kind=MONTH, start=period.month),
    )


def tokens_left(user: User, period: Period, limits: Limits) -> int | None:
    """The tokens that may still be reserved; None without a limit."""
    day, month = counters_of(user, period)
    left = [
        limit - row.used_tokens - row.reserved_tokens
        for limit, row in ((limits.tokens_per_day, day), (limits.tokens_per_month, month))
        if limit is not None
    ]
    return min(left) if left else None


@dataclass(frozen=True)
class Remaining:
    """What is left today and this month; None is no limit. Counts what is reserved as gone."""

    requests_today: int | None
    tokens_today: int | None
    tokens_this_month: int | None
    money_this_month: Decimal | None
    requests_limit: int | None
    day_ends: datetime
    month_ends: datetime


def remaining(user: User, *, limits: Limits, now: datetime) -> Remaining:
    """One query; none without any limit."""
    period = Period.at(now)
    if limits == NO_LIMITS:
        return Remaining(None, None, None, None, None, period.day_ends, period.month_ends)
    day, month = counters_of(user, period)

    def left(limit: Any, used: Any) -> Any:
        return None if limit is None else max(limit - used, type(limit)(0))

    return Remaining(
        requests_today=left(limits.requests_per_day, day.used_requests + day.reserved_requests),
        tokens_today=left(limits.tokens_per_day, day.used_tokens + day.reserved_tokens),
        tokens_this_month=left(limits.tokens_per_month, month.used_tokens + month.reserved_tokens),
        money_this_month=left(limits.money_per_month, month.used_money + month.reserved_money),
        requests_limit=limits.requests_per_day,
        day_ends=period.day_ends,
        month_ends=period.month_ends,
    )


def ledger_sums(user: User, *, kind: str, start: date) -> tuple[int, int, Decimal]:
    """Requests, tokens and money of one period as the ledger has them; equal to the counters at all times."""
    when = Q(day=start) if kind == DAY else Q(month=start)
    sums = UsageRecord.objects.filter(when, Q(kind="") | Q(kind=kind), user=user).aggregate(
        requests=Sum("requests"),
        tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"),
        money=Sum("money"),
    )
    tokens = (sums["tokens_in"] or 0) + (sums["tokens_out"] or 0)
    return sums["requests"] or 0, tokens, rounded(sums["money"] or ZERO)
