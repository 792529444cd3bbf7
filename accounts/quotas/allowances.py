"""What limits and counters leave to be spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..models import SPENDING_LIMITS, ApiKey, UsagePeriod, User
from .counters import DAY, MONTH, Payer, counters_of
from .limits import Limits
from .periods import Period

LOW = Decimal("0.8")  # of a limit, from which on people are warned


@dataclass(frozen=True)
class Allowance:
    """What one limit allows. `amount`: requests, tokens or money; `kind`: day or month.

    spent: may be more than the limit. set_aside: for what is being written; most of it is given back. Requests count as
    spent at once: hardly one is given back.
    """

    amount: str
    kind: str
    limit: int | Decimal
    spent: int | Decimal
    set_aside: int | Decimal
    renews_at: datetime

    @property
    def taken(self) -> int | Decimal:
        return self.spent + self.set_aside

    @property
    def left(self) -> Any:
        """What may still be set aside; of the limit's type."""
        return max(self.limit - self.taken, type(self.limit)(0))

    @property
    def unspent(self) -> Any:
        return max(self.limit - self.spent, type(self.limit)(0))

    @property
    def is_used_up(self) -> bool:
        return self.spent >= self.limit

    @property
    def part_spent(self) -> Decimal:
        return Decimal(self.spent) / Decimal(self.limit) if self.limit else Decimal(1)

    @property
    def is_low(self) -> bool:
        return self.part_spent >= LOW


def allowances(
    user: User, *, limits: Limits, now: datetime, api_key: ApiKey | None = None
) -> list[Allowance]:
    """What the person, or this key of theirs, may still spend; that of the month first. As `allowances_of`."""
    payer = Payer(user.pk, api_key.pk if api_key else None)
    return allowances_of(payer, limits, Period.at(now))


def allowances_of(payer: Payer, limits: Limits, period: Period) -> list[Allowance]:
    """One for each limit. One query; none without any limit."""
    if all(getattr(limits, name) is None for name in SPENDING_LIMITS):
        return []
    day, month = counters_of(payer, period)
    return [
        Allowance(amount, str(kind), limit, *_spent_and_set_aside(row, amount), renews_at)
        for kind, row, renews_at in (
            (MONTH, month, period.month_ends),
            (DAY, day, period.day_ends),
        )
        for amount in ("money", "tokens", "requests")
        if (limit := limits.of(amount, kind)) is not None
    ]


def _spent_and_set_aside(row: UsagePeriod, amount: str) -> tuple[Any, Any]:
    if amount == "requests":
        return row.used_requests + row.reserved_requests, 0
    return getattr(row, f"used_{amount}"), getattr(row, f"reserved_{amount}")


def least(found: Iterable[Allowance], amount: str) -> Allowance | None:
    """Of those of this amount the one that leaves least; of several the one that is renewed last."""
    of_amount = (one for one in found if one.amount == amount)
    return min(of_amount, key=lambda one: (one.left, -one.renews_at.timestamp()), default=None)
