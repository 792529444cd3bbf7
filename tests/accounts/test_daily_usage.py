"""The sums of each day equal the ledger, whatever is settled, refunded, reset and deleted, and whoever comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import services
from accounts.models import DailyUsage, UsageRecord, User
from accounts.quotas import Spent
from tests.accounts import history
from tests.accounts.history import Outcome, Service
from tests.at_once import at_once
from tests.conftest import make_user

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
spend = partial(history.spend, now=NOON)
make_key = partial(history.make_key, now=NOON)
give_back = partial(history.give_back, now=NOON)
WHOSE = ("user", "api_key", "day", "service", "model_name", "kind")
SUMS = ("requests", "tokens_in", "tokens_out", "tokens_cached", "money")


def ledger() -> dict[Any, Any]:
    seconds = "seconds_to_first_token"
    sums = {f"sum_{name}": Sum(name) for name in SUMS}
    found = UsageRecord.objects.order_by().values_list(*WHOSE)
    return by_day(
        found.annotate(
            **sums,
            calls=Count("pk", filter=~Q(outcome=Outcome.RESET)),
            errors=Count("pk", filter=Q(outcome__in=[Outcome.FAILED, Outcome.INTERRUPTED])),
            timed=Count(seconds),
            in_1s=Count("pk", filter=Q(seconds_to_first_token__lte=1)),
            in_5s=Count("pk", filter=Q(seconds_to_first_token__lte=5)),
            seconds=Sum(seconds, default=0.0),
        )
    )


def days() -> dict[Any, Any]:
    times = ("first_tokens", "first_tokens_in_1s", "first_tokens_in_5s", "first_tokens_seconds")
    columns = (*SUMS, "calls", "errors", *times)
    sums = {f"sum_{name}": Sum(name) for name in columns}
    return by_day(DailyUsage.objects.order_by().values_list(*WHOSE).annotate(**sums))


def by_day(rows: Any) -> dict[Any, Any]:
    return {row[: len(WHOSE)]: (*row[len(WHOSE) : -1], pytest.approx(row[-1])) for row in rows}


def assert_days_equal_ledger() -> None:
    assert days() == ledger()


def test_an_answer_is_counted_on_its_day(alice: User) -> None:
    key = make_key(alice)
    spend(alice, Spent(100, 20, 60, Decimal("0.5"), seconds_to_first_token=0.5), key=key)
    spend(alice, Spent(10, 2, 6, Decimal("0.1"), seconds_to_first_token=4.0), key=key)
    spend(alice, Spent(requests=0), key=key, outcome=Outcome.FAILED)
    spend(alice, Spent(1), key=key, outcome=Outcome.STOPPED)
    day = DailyUsage.objects.get()
    assert (day.requests, day.calls, day.errors) == (3, 4, 1)
    assert (day.tokens_in, day.tokens_out, day.tokens_cached) == (111, 22, 66)
    assert day.money == Decimal("0.6")
    assert (day.first_tokens, day.first_tokens_seconds) == (2, 4.5)
    assert (day.first_tokens_in_1s, day.first_tokens_in_5s) == (1, 2)
    assert_days_equal_ledger()


def test_each_day_person_key_model_and_service_has_a_row(alice: User, bob: User) -> None:
    key = make_key(alice)
    for _ in range(2):
        spend(alice)
        spend(bob)
        spend(alice, key=key)
        spend(alice, model="other")
        spend(alice, service=Service.EMBEDDINGS)
        spend(alice, now=NOON + timedelta(days=1))
    assert set(DailyUsage.objects.values_list("calls")) == {(2,)}
    assert DailyUsage.objects.count() == 6
    assert_days_equal_ledger()


def test_what_is_given_back_stands_apart(alice: User) -> None:
    spend(alice)
    give_back(alice)
    give_back(alice, kind="month")
    spend(alice)
    give_back(alice)
    rows = {row.kind: row for row in DailyUsage.objects.all()}
    assert {kind: row.requests for kind, row in rows.items()} == {"": 2, "day": -2, "month": -1}
    assert {row.calls for row in rows.values()} == {2, 0}
    assert_days_equal_ledger()


def test_of_a_deleted_person_the_sums_stay_without_the_name(alice: User, bob: User) -> None:
    for user in (alice, bob):
        spend(user)
        spend(user, key=make_key(user))  # the same but for the key, which goes
        services.delete_account(user, now=NOON)
    assert DailyUsage.objects.filter(user=None, api_key=None, calls=1).count() == 4
    assert_days_equal_ledger()


def test_the_days_before_are_filled_from_the_ledger(alice: User, bob: User) -> None:
    key = make_key(alice)
    spend(alice, Spent(7, 3, 2, Decimal("0.00000001"), seconds_to_first_token=3.0), key=key)
    spend(alice, outcome=Outcome.INTERRUPTED)
    spend(bob, now=NOON - timedelta(days=40))
    give_back(alice)
    services.delete_account(bob, now=NOON)
    counted = days()
    DailyUsage.objects.all().delete()
    import_module("accounts.migrations.0009_sums_of_the_days_before").fill(apps, None)
    assert days() == counted == ledger()


def test_counting_costs_one_statement(alice: User) -> None:
    spend(alice)
    with CaptureQueriesContext(connection) as captured:
        spend(alice)
    asked = [query for query in captured if "accounts_dailyusage" in query["sql"]]
    assert [query["sql"].split()[0] for query in asked] == ["UPDATE"]


@pytest.mark.django_db(transaction=True)
def test_the_first_answers_of_a_day_come_at_once() -> None:
    alice = make_user("alice")
    keys = [None, make_key(alice)]
    at_once(*[lambda n=n: spend(alice, key=keys[n % 2]) for n in range(20)])
    assert set(DailyUsage.objects.values_list("calls", flat=True)) == {10}
    assert_days_equal_ledger()


ENDS = tuple(value for value in Outcome.values if value != Outcome.RESET)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("alice", "bob")),
        st.booleans(),  # with a key
        st.sampled_from(("", "one", "two")),  # the model
        st.sampled_from((*ENDS, "day", "month")),  # how it ended, or which period is reset
        st.integers(0, 40),  # days later
        st.integers(0, 1000),  # tokens in
        st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-7)),  # money
        st.none() | st.floats(0, 60),
    ),
    max_size=25,
)


@pytest.mark.django_db
@given(steps=STEPS)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_the_days_equal_the_ledger(steps: list[Any]) -> None:
    with transaction.atomic():
        people = {name: make_user(name) for name in ("alice", "bob")}
        keys = {name: make_key(user) for name, user in people.items()}
        for name, has_key, model, what, later, tokens, money, seconds in steps:
            now = NOON + timedelta(days=later)
            if what not in ENDS:
                give_back(*people.values(), kind=what, now=now)
                continue
            spent = Spent(tokens, tokens // 3, tokens // 2, money, tokens % 2, False, seconds)
            key = keys[name] if has_key else None
            spend(people[name], spent, key=key, model=model, outcome=Outcome(what), now=now)
        assert_days_equal_ledger()
        services.delete_account(people["bob"], now=NOON)
        assert_days_equal_ledger()
        transaction.set_rollback(True)
