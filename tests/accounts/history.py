"""People who have asked for weeks: with numbers that are known, written as every answer is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from accounts import api_keys, quotas
from accounts.models import ApiKey, UsageRecord, User
from accounts.quotas import Spent

Outcome, Service = UsageRecord.Outcome, UsageRecord.Service
SPENT = Spent(tokens_in=60, tokens_out=20)


def spend(
    user: User,
    spent: Spent = SPENT,
    *,
    now: datetime,
    key: ApiKey | None = None,
    model: str = "fake",
    outcome: UsageRecord.Outcome = Outcome.COMPLETE,
    service: UsageRecord.Service = Service.CHAT,
) -> None:
    """One answer, asked and settled at that moment, whatever the person's limits are."""
    id, none = uuid4(), quotas.NO_LIMITS
    quotas.reserve(
        user,
        key=id,
        limits=none,
        tokens=9,
        least_tokens=9,
        api_key=key,
        service=service,
        now=now,
    )
    quotas.settle(id, spent=spent, outcome=outcome, model_name=model, now=now)


def make_key(user: User, name: str = "Script", *, now: datetime) -> ApiKey:
    made = api_keys.create_key(user, name=name, now=now)
    assert made
    return made[0]


def give_back(*users: User, kind: str = "day", now: datetime) -> None:
    quotas.reset(users, kinds=[kind], actor="test", reason="test", now=now)


def a_month_of(
    username: str,
    *,
    now: datetime,
    models: Iterable[str] = ("qwen3-8b", "deepseek-v3.2"),
    key_name: str = "Home server",
) -> None:
    """Up to nine answers a day for thirty days, fewer on each seventh; every third by a program."""
    user = User.objects.get(username=username)
    key, names = make_key(user, key_name, now=now), [*models]
    for ago in range(30):
        for number in range((ago * ago + 3) % 9 if ago % 7 else 1):
            tokens = 900 + 400 * (ago % 5)
            is_long = number % 4 == 0
            spend(
                user,
                Spent(
                    tokens_in=tokens,
                    tokens_out=tokens // (2 if is_long else 6),
                    money=Decimal(tokens) / 500_000,
                    seconds_to_first_token=0.4 + 0.3 * (number % 3),
                ),
                now=now - timedelta(days=ago),
                key=key if number % 3 == 2 else None,
                model=names[number % 5 // 3],
                outcome=Outcome.FAILED if (ago, number) in {(4, 0), (9, 3)} else Outcome.COMPLETE,
            )
