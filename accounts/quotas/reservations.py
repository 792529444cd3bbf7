"""Reserve and settle.

A reservation is a conditional UPDATE of the day's row, then of the month's, so parallel requests cannot overspend; of
a request with an API key first of the person's rows, then of the key's.
Settling deletes the reservation, moves its amounts from reserved to used, writes one ledger row and counts it in the
sums of its day, all or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from ..models import ApiKey, Reservation, UsageRecord, User
from . import daily, statements
from .allowances import allowances_of, least
from .counters import DAY, MONTH, Payer, open_counters, payers_of
from .limits import Amounts, Limits, limits_of_key
from .money import ZERO, rounded
from .periods import Period
from .refusals import QuotaExceeded, refusal

ABANDONED_AFTER = timedelta(seconds=60)  # without a sign of life


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
    api_key: ApiKey | None = None,
    service: UsageRecord.Service = UsageRecord.Service.CHAT,
    is_call: bool = False,
    requests: int = 1,
    now: datetime,
) -> int:
    """Set one request and an estimate of tokens and money aside; returns the tokens set aside.

    key: the completion's or call's id, under which it is settled.
    tokens: what the prompt and the answer may take; with less left, what is left down to `least_tokens`.
    api_key: the one it is asked for with, whose own limits hold beside the person's.
    service: what it is for, in the ledger. A title is no answer, nor is what a page says or hears: they keep nobody
    from asking, and nothing that runs keeps anybody from them.
    is_call: no completion tells that it is still being made; `note_alive` does.
    requests: 0 for a further part of what one request has begun.
    Raises QuotaExceeded, with nothing set aside. Call inside the transaction that writes what is being paid for.
    """
    period, money = Period.at(now), rounded(money)
    payers = [(Payer(user.pk), limits)]
    if api_key is not None:
        payers.append((Payer(user.pk, api_key.pk), limits_of_key(api_key)))
    with transaction.atomic():
        asked: Amounts = {"requests": requests, "tokens": tokens, "money": money}
        granted = _grant(payers, period, asked, least_tokens)
        # The update above holds this person's row, so no other reservation of theirs is being made.
        if not statements.is_beside(service, of_key=api_key is not None):
            running = limits.concurrent_completions
            if running is not None and len(statements.open_answers(user_id=user.pk)) >= running:
                raise QuotaExceeded("too_many_running", limit=running)
        statements.add_reservation(
            id=key,
            user_id=user.pk,
            api_key_id=api_key.pk if api_key is not None else None,
            service=service,
            alive_at=now if is_call else None,
            day=period.day,
            month=period.month,
            requests=requests,
            tokens=granted,
            money=money,
            created_at=now,
        )
    return granted


Payers = list[tuple[Payer, Limits]]


def _grant(payers: Payers, period: Period, asked: Amounts, least_tokens: int) -> int:
    """The tokens that every payer has paid for. Their first call in a period finds no counters yet."""
    granted = _take_or_shrink(payers, period, asked, least_tokens)
    if granted is None:
        for payer, _limits in payers:
            open_counters(payer, period)
        granted = _take_or_shrink(payers, period, asked, least_tokens)
    if granted is None:
        raise _refusal(payers, period, {**asked, "tokens": least_tokens})
    return granted


def _refusal(payers: Payers, period: Period, needed: Amounts) -> QuotaExceeded:
    for payer, limits in payers:
        found = refusal(payer, period, limits, needed)
        if found is not None:
            return found
    # What stood in the way has just been settled.
    return QuotaExceeded("too_many_running", limit=1)


def _take_or_shrink(
    payers: Payers, period: Period, asked: Amounts, least_tokens: int
) -> int | None:
    tokens = int(asked["tokens"])
    if _take(payers, period, asked):
        return tokens
    found = [one for payer, limits in payers for one in allowances_of(payer, limits, period)]
    allowance = least(found, "tokens")
    if allowance is None or not least_tokens <= allowance.left < tokens:
        return None
    left = int(allowance.left)
    return left if _take(payers, period, {**asked, "tokens": left}) else None


def _take(payers: Payers, period: Period, taken: Amounts) -> bool:
    """An UPDATE of each row, which counts only while it stays within its limits; all or none."""
    with transaction.atomic():
        # The day before the month, the person before the key, here and wherever they are written: in one UPDATE of
        # several rows PostgreSQL locks them in any order, and two requests of one person wait for each other for ever.
        for payer, limits in payers:
            for kind, start in ((DAY, period.day), (MONTH, period.month)):
                room = _room(limits, kind, taken)
                row = {**payer.names, "kind": kind, "start": start}
                if not statements.take[payer.is_key](**row, **room, **taken):
                    transaction.set_rollback(True)
                    return False
    return True


def _room(limits: Limits, kind: str, taken: Amounts) -> dict[str, object]:
    """What may have been used and reserved before, so that so much more is within the limits."""
    room: dict[str, object] = {}
    for amount, more in taken.items():
        limit = limits.of(amount, kind)
        room[f"room_{amount}"] = statements.NO_LIMIT[amount] if limit is None else limit - more
    return room


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
    with transaction.atomic():
        found = statements.find_reservation(id=key)
        if not found or not statements.drop_reservation(id=key):
            return False
        user_id, api_key_id, service, day, month, *reserved = found[0]
        _pay(payers_of(user_id, api_key_id), day, month, reserved=reserved, spent=spent)
        row: dict[str, Any] = {
            "id": uuid4(),
            "user_id": user_id,
            "api_key_id": api_key_id,
            "service": service,
            "completion_id": key,
            "day": day,
            "month": month,
            "recorded_at": now,
            "outcome": outcome,
            "model_name": model_name,
            "requests": spent.requests,
            "tokens_in": spent.tokens_in,
            "tokens_out": spent.tokens_out,
            "tokens_cached": spent.tokens_cached,
            "estimated": spent.estimated,
            "money": rounded(spent.money),
            "seconds_to_first_token": spent.seconds_to_first_token,
        }
        statements.add_record(**row)
        daily.count(**row)
    return True


def _pay(
    payers: list[Payer], day: date, month: date, *, reserved: Sequence[Any], spent: Spent
) -> None:
    """Move what was set aside (requests, tokens, money) to what is used."""
    requests, tokens, money = reserved
    for payer in payers:
        for kind, start in ((DAY, day), (MONTH, month)):
            statements.turn[payer.is_key](
                **payer.names,
                kind=kind,
                start=start,
                reserved_requests=-requests,
                reserved_tokens=-tokens,
                reserved_money=-money,
                used_requests=spent.requests,
                used_tokens=spent.tokens_in + spent.tokens_out,
                used_money=rounded(spent.money),
            )


def note_alive(calls: Collection[UUID], *, now: datetime) -> None:
    """These calls are still being made."""
    Reservation.objects.filter(pk__in=calls).update(alive_at=now)


def hold_calls(user: User) -> list[UUID]:
    """The calls that are being made for this person, whose account is being deleted: nobody else settles them."""
    calls = Reservation.objects.select_for_update().filter(user=user).exclude(alive_at=None)
    return list(calls.order_by("pk").values_list("pk", flat=True))


def release_abandoned(*, now: datetime) -> int:
    """Settle the calls whose process has died. Returns how many."""
    dead = Reservation.objects.filter(alive_at__lt=now - ABANDONED_AFTER)
    return interrupt(dead.values_list("pk", flat=True), now=now)


def interrupt(calls: Iterable[UUID], *, now: datetime) -> int:
    """Settle them from outside: the request counts, what it used nobody knows. Returns how many."""
    return sum(
        settle(
            key,
            spent=Spent(estimated=True),
            outcome=UsageRecord.Outcome.INTERRUPTED,
            model_name="",
            now=now,
        )
        for key in calls
    )
