"""What was spent, by `/api/v1/`: in all and through the key that asks, and what is left."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.utils import timezone

from accounts import quotas
from accounts.models import ApiKey, Plan, UsageRecord, User
from tests.conversations.api.programs import Program, reply


def spend(user: User, key: ApiKey | None, tokens: int, money: str) -> None:
    call, now = uuid.uuid4(), timezone.now()
    quotas.reserve(
        user,
        key=call,
        limits=quotas.limits_of(user),
        tokens=1,
        least_tokens=1,
        api_key=key,
        now=now,
    )
    quotas.settle(
        call,
        spent=quotas.Spent(tokens_in=tokens, money=Decimal(money)),
        outcome=UsageRecord.Outcome.COMPLETE,
        model_name="fake",
        now=now,
    )


def test_usage(alice: User, bob: User) -> None:
    plan = Plan.objects.create(name="Some", requests_per_day=10, money_per_month=Decimal("1.5"))
    User.objects.filter(pk=alice.pk).update(plan=plan)
    alice.refresh_from_db()
    program = Program(alice, tokens_per_day=1000)
    spend(alice, None, 700, "0.25")
    spend(alice, program.key, 50, "0.5")
    spend(bob, None, 1, "9")
    found = reply(program.get("usage"))
    both = {"requests": 2, "tokens": 750, "money": "0.75"}
    assert found["today"] == found["month"] == both
    assert found["limits"] == {
        "requests_per_day": 10,
        "requests_per_month": None,
        "tokens_per_day": None,
        "tokens_per_month": None,
        "money_per_day": None,
        "money_per_month": "1.5",
    }
    assert found["remaining"] == {
        "requests_today": 8,
        "requests_this_month": None,
        "tokens_today": None,
        "tokens_this_month": None,
        "money_today": None,
        "money_this_month": "0.75",
    }
    assert found["low"] == []
    key = found["key"]
    assert (key["name"], key["today"]["tokens"], key["today"]["requests"]) == ("program", 50, 1)
    assert (key["limits"]["tokens_per_day"], key["remaining"]["tokens_today"]) == (1000, 950)
    assert timezone.now().isoformat() < found["resets"]["today"] <= found["resets"]["month"]


def test_usage_of_somebody_who_has_spent_nothing(alice: User) -> None:
    found = reply(Program(alice).get("usage"))
    assert found["today"] == {"requests": 0, "tokens": 0, "money": "0"}
    assert found["remaining"]["requests_today"] == 10  # the plan that everyone begins with


def test_what_is_nearly_used_up_is_named(alice: User) -> None:
    plan = Plan.objects.create(name="Some", tokens_per_day=100, money_per_day=Decimal(1))
    alice.plan = plan
    alice.save(update_fields=["plan"])
    spend(alice, None, 80, "0.79")
    found = reply(Program(alice).get("usage"))
    assert found["low"] == ["tokens_today"]
    assert found["remaining"]["tokens_today"] == 20
