"""The sums of each day, kept equal to the ledger: counted with every row of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from ..models import DailyUsage, UsageRecord, User
from . import statements

Outcome = UsageRecord.Outcome
ERRORS = (Outcome.FAILED, Outcome.INTERRUPTED)


def count(
    *,
    user_id: int,
    api_key_id: UUID | None = None,
    day: date,
    service: str = UsageRecord.Service.CHAT,
    model_name: str = "",
    kind: str = "",
    outcome: str,
    requests: int,
    tokens_in: int,
    tokens_out: int = 0,
    tokens_cached: int = 0,
    money: Decimal,
    seconds_to_first_token: float | None = None,
    **_more_of_the_ledger: object,
) -> None:
    """Add a row of the ledger, given by its columns, in the transaction that writes it.

    Call with the person's counter held that the row changes: of two who find no sums yet, one would fail.
    """
    seconds = seconds_to_first_token
    row = {
        "user_id": user_id,
        "api_key_id": api_key_id,
        "day": day,
        "service": service,
        "model_name": model_name,
        "kind": kind,
        "calls": int(outcome != Outcome.RESET),
        "errors": int(outcome in ERRORS),
        "requests": requests,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "tokens_cached": tokens_cached,
        "money": money,
        "first_tokens": int(seconds is not None),
        "first_tokens_seconds": seconds or 0.0,
        "first_tokens_in_1s": int(seconds is not None and seconds <= 1),
        "first_tokens_in_5s": int(seconds is not None and seconds <= 5),
    }
    if not statements.add_to_day[api_key_id is not None](**row):
        statements.begin_day(**row)


def let_go(user: User) -> None:
    """Of a person whose account is being deleted the sums stay, without the name, as the ledger does."""
    # Both at once: without its key a row may be the same as another of the person's.
    DailyUsage.objects.filter(user=user).update(user=None, api_key=None)
