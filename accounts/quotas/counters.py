"""The rows that count a day and a month of a person, and of each of their keys: opened, held, read.

What they count is changed by the siblings.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Q, Sum

from ..models import ApiKey, UsagePeriod, UsageRecord, User
from . import statements
from .money import ZERO, rounded
from .periods import Period

DAY, MONTH = UsagePeriod.Kind.DAY, UsagePeriod.Kind.MONTH


@dataclass(frozen=True)
class Payer:
    """Whose counters: a person's, or apart from them those of one of their keys."""

    user_id: int
    api_key_id: UUID | None = None

    @property
    def is_key(self) -> bool:
        return self.api_key_id is not None

    @property
    def names(self) -> dict[str, Any]:
        """Whose they are, for the statements."""
        of_key = {"api_key_id": self.api_key_id} if self.is_key else {}
        return {"user_id": self.user_id, **of_key}

    def new_row(self, kind: str, start: date) -> UsagePeriod:
        return UsagePeriod(user_id=self.user_id, api_key_id=self.api_key_id, kind=kind, start=start)


def payers_of(user_id: int, api_key_id: UUID | None) -> list[Payer]:
    """Everybody who pays, in the order in which their rows are written everywhere."""
    person = Payer(user_id)
    return [person] if api_key_id is None else [person, Payer(user_id, api_key_id)]


def open_counters(payer: Payer, period: Period) -> None:
    UsagePeriod.objects.bulk_create(
        [payer.new_row(DAY, period.day), payer.new_row(MONTH, period.month)],
        ignore_conflicts=True,
    )


def hold(user: User) -> None:
    """Until the transaction ends nobody else reserves or settles for this person, whose account is being deleted."""
    rows = UsagePeriod.objects.select_for_update().filter(user=user)
    first = F("api_key").asc(nulls_first=True)  # the person before the keys, days before months
    list(rows.order_by(first, "kind", "pk").values_list("pk"))


def counters_of(payer: Payer, period: Period) -> tuple[UsagePeriod, UsagePeriod]:
    """The day's and the month's counters, all zero where nothing has been spent. One query."""
    find = statements.find_counters[payer.is_key]
    rows = {row.kind: row for row in find(**payer.names, day=period.day, month=period.month)}
    return (
        rows.get(DAY) or payer.new_row(DAY, period.day),
        rows.get(MONTH) or payer.new_row(MONTH, period.month),
    )


@dataclass(frozen=True)
class Used:
    """What has been spent in a day or a month, without what is only set aside."""

    requests: int
    tokens: int
    money: Decimal


def used(user: User, *, now: datetime, api_key: ApiKey | None = None) -> tuple[Used, Used]:
    """What the person, or this key of theirs, has spent today and this month. One query."""
    day, month = counters_of(Payer(user.pk, api_key.pk if api_key else None), Period.at(now))
    return _used(day), _used(month)


def used_by_keys(keys: Collection[ApiKey], *, now: datetime) -> dict[UUID, tuple[Used, Used]]:
    """What has been spent through each, today and this month. One query."""
    period = Period.at(now)
    starts = Q(kind=DAY, start=period.day) | Q(kind=MONTH, start=period.month)
    rows = {
        (row.api_key_id, row.kind): _used(row)
        for row in UsagePeriod.objects.filter(starts, api_key__in=keys)
    }
    nothing = Used(0, 0, ZERO)
    return {
        key.pk: (rows.get((key.pk, DAY), nothing), rows.get((key.pk, MONTH), nothing))
        for key in keys
    }


def _used(row: UsagePeriod) -> Used:
    return Used(row.used_requests, row.used_tokens, rounded(Decimal(row.used_money)))


def ledger_sums(
    user: User, *, kind: str, start: date, api_key: ApiKey | None = None
) -> tuple[int, int, Decimal]:
    """Requests, tokens and money of one period as the ledger has them; equal to the counters at all times.

    api_key: what was spent through it, which no reset gives back.
    """
    when = Q(day=start) if kind == DAY else Q(month=start)
    if api_key is not None:
        when &= Q(api_key=api_key)
    sums = UsageRecord.objects.filter(when, Q(kind="") | Q(kind=kind), user=user).aggregate(
        requests=Sum("requests"),
        tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"),
        money=Sum("money"),
    )
    tokens = (sums["tokens_in"] or 0) + (sums["tokens_out"] or 0)
    return sums["requests"] or 0, tokens, rounded(sums["money"] or ZERO)
