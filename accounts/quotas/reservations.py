"""Reserve and settle.

A reservation is a conditional UPDATE of the day's row, then of the month's, so parallel requests cannot overspend.
Settling deletes the reservation, moves its amounts from reserved to used and writes one ledger row, all or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from ..models import Reservation, UsagePeriod, UsageRecord, User
from .counters import DAY, MONTH, open_counters, tokens_left
from .limits import Limits
from .money import ZERO, changed_by, rounded
from .periods import Period
from .refusals import QuotaExceeded, refusal


@dataclass(frozen=True)
class Spent:
    """What a finished completion or call cost. tokens_cached is part of tokens_in; money in the prices' currency."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    money: Decimal = ZERO
    requests: int = 1
    estimated: bool = False
    seconds_to_first_token: float | None = None


def reserve(
    user: User,
    *,
    key: UUID,
    limits: Limits,
    tokens: int,
    least_tokens: int,
    money: Decimal = ZERO,
    now: datetime,
) -> int:
    """Set one request and an estimate of tokens and money aside; returns the tokens set aside.

    key: the completion's or call's id, under which it is settled.
    tokens: what the prompt and the answer may take; with less left, what is left down to `least_tokens`.
    Raises QuotaExceeded, with nothing set aside. Call inside the transaction that writes what is being paid for.
    """
    period, money = Period.at(now), rounded(money)
    with transaction.atomic():
        granted = _take_or_shrink(user, period, limits, tokens, least_tokens, money)
        if granted is None:
            open_counters(user, period)
            granted = _take_or_shrink(user, period, limits, tokens, least_tokens, money)
        if granted is None:
            raise refusal(user, period, limits, least_tokens, money)
        # The update above holds this person's row, so no other reservation of theirs is being made.
        running = limits.concurrent_completions
        if running is not None and Reservation.objects.filter(user=user).count() >= running:
            raise QuotaExceeded("too_many_running", limit=running, resets_at=None)
        Reservation.objects.create(
            id=key,
            user=user,
            day=period.day,
            month=period.month,
            requests=1,
            tokens=granted,
            money=money,
            created_at=now,
        )
    return granted


def _take_or_shrink(
    user: User, period: Period, limits: Limits, tokens: int, least_tokens: int, money: Decimal
) -> int | None:
    if _take(user, period, limits, tokens=tokens, money=money):
        return tokens
    left = tokens_left(user, period, limits)
    if left is None or not least_tokens <= left < tokens:
        return None
    return left if _take(user, period, limits, tokens=left, money=money) else None


def _take(user: User, period: Period, limits: Limits, *, tokens: int, money: Decimal) -> bool:
    """An UPDATE of each row, which counts only while it stays within its limits; both or none."""
    day = Q(kind=DAY, start=period.day)
    month = Q(kind=MONTH, start=period.month)
    if limits.requests_per_day is not None:
        day &= Q(used_requests__lt=limits.requests_per_day - F("reserved_requests"))
    if limits.tokens_per_day is not None:
        day &= Q(used_tokens__lte=limits.tokens_per_day - tokens - F("reserved_tokens"))
    if limits.tokens_per_month is not None:
        month &= Q(used_tokens__lte=limits.tokens_per_month - tokens - F("reserved_tokens"))
    if limits.money_per_month is not None:
        month &= Q(used_money__lte=limits.money_per_month - money - F("reserved_money"))
    with transaction.atomic():
        # The day before the month, here and wherever both are written: in one UPDATE of both rows PostgreSQL locks
        # them in any order, and two requests of one person wait for each other for ever.
        for within_limits in (day, month):
            if not UsagePeriod.objects.filter(within_limits, user=user).update(
                reserved_requests=F("reserved_requests") + 1,
                reserved_tokens=F("reserved_tokens") + tokens,
                reserved_money=changed_by("reserved_money", money),
            ):
                transaction.set_rollback(True)
                return False
    return True


def settle(
    key: UUID,
    *,
    spent: Spent,
    outcome: UsageRecord.Outcome,
    model_name: str,
    now: datetime,
) -> bool:
    """Turn a reservation into what was really spent; true for exactly one caller.

    It goes to the day and month in which it was reserved, whenever that is. `Spent(requests=0)` refunds everything.
    """
    money = rounded(spent.money)
    with transaction.atomic():
        reservation = Reservation.objects.select_for_update().filter(pk=key).first()
        if reservation is None or not Reservation.objects.filter(pk=key).delete()[0]:
            return False
        for kind, start in ((DAY, reservation.day), (MONTH, reservation.month)):
            UsagePeriod.objects.filter(user_id=reservation.user_id, kind=kind, start=start).update(
                reserved_requests=F("reserved_requests") - reservation.requests,
                reserved_tokens=F("reserved_tokens") - reservation.tokens,
                reserved_money=changed_by("reserved_money", -reservation.money),
                used_requests=F("used_requests") + spent.requests,
                used_tokens=F("used_tokens") + spent.tokens_in + spent.tokens_out,
                used_money=changed_by("used_money", money),
            )
        UsageRecord.objects.create(
            user_id=reservation.user_id,
            completion_id=key,
            day=reservation.day,
            month=reservation.month,
            recorded_at=now,
            outcome=outcome,
            model_name=model_name,
            requests=spent.requests,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            tokens_cached=spent.tokens_cached,
            estimated=spent.estimated,
            money=money,
            seconds_to_first_token=spent.seconds_to_first_token,
        )
    return True
