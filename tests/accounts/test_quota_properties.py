"""Reserving, settling, refunding and resetting in any order: no limit is passed, and the counters equal the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts import api_keys, quotas
from accounts.models import SPENDING_LIMITS, ApiKey, Reservation, UsagePeriod, UsageRecord
from accounts.quotas import Limits, Period, QuotaExceeded, Spent
from tests.conftest import make_user

EVENING = datetime(2026, 11, 30, 20, tzinfo=UTC)  # before the midnight of a day and of a month
AMOUNTS = ("requests", "tokens", "money")

# Tenths, which no float is, meet their limits exactly; others have digits to the last place and beyond.
tenths = st.integers(0, 12).map(lambda number: Decimal(number) / 10)
money = tenths | st.decimals(0, 3, places=8)
tokens = st.integers(0, 40)
a_limit = {
    "requests": st.integers(0, 5),
    "tokens": st.integers(0, 120),
    "money": tenths | st.decimals(0, 4, places=6),
}
limits_of_amounts = {name: a_limit[name.partition("_")[0]] for name in SPENDING_LIMITS}
some_limits = st.fixed_dictionaries({}, optional=limits_of_amounts)
spending = st.builds(
    Spent,
    requests=st.integers(0, 1),
    tokens_in=tokens,
    tokens_out=tokens,
    money=tenths | st.decimals(0, 4, places=10),
    estimated=st.booleans(),
)


@dataclass(frozen=True)
class Sums:
    requests: int
    tokens: int
    money: Decimal

    @classmethod
    def of(cls, row: UsagePeriod, prefix: str) -> Sums:
        return cls(*(getattr(row, prefix + amount) for amount in AMOUNTS))

    @classmethod
    def total(cls, rows: Iterable[Any]) -> Sums:
        found = [(row.requests, _tokens(row), row.money) for row in rows]
        return cls(*(sum(column) for column in zip((0, 0, Decimal(0)), *found, strict=True)))


def _tokens(row: UsageRecord | Reservation) -> int:
    return row.tokens if isinstance(row, Reservation) else row.tokens_in + row.tokens_out


@dataclass(frozen=True)
class Taken:
    """What of a limit is used or set aside, and the code with which it refuses more."""

    code: str
    limit: Any
    taken: Any


class Spending(RuleBasedStateMachine):
    """One person with one key. The database is as it was when it is over."""

    calls: Bundle[UUID] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = EVENING
        self.limits = quotas.NO_LIMITS
        self.alice = make_user("alice")
        made = api_keys.create_key(self.alice, name="script", now=self.now)
        assert made
        self.key = made[0]

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    # --- What happens --------------------------------------------------------------------------------------------

    @rule(
        target=calls,
        with_key=st.booleans(),
        tokens=tokens,
        part=st.integers(0, 100),
        money=money,
    )
    def reserve(self, with_key: bool, tokens: int, part: int, money: Decimal) -> Any:
        call, least = uuid4(), tokens * part // 100
        before = self.taken(with_key=with_key)
        reserve = partial(
            quotas.reserve,
            self.alice,
            key=call,
            limits=self.limits,
            tokens=tokens,
            least_tokens=least,
            money=money,
            api_key=self.key if with_key else None,
            now=self.now,
        )
        if refusing := self.in_the_way(before, tokens=least, money=money):
            with pytest.raises(QuotaExceeded) as caught:
                reserve()
            assert caught.value.code in refusing
            assert self.taken(with_key=with_key) == before
            return multiple()
        granted = reserve()
        assert least <= granted <= tokens
        assert granted == tokens or self.in_the_way(before, tokens=granted + 1, money=money)
        assert all(one.taken <= one.limit for one in self.taken(with_key=with_key))
        return call

    @rule(call=consumes(calls), spent=spending)
    def settle(self, call: UUID, spent: Spent) -> None:
        assert self.end(call, spent)
        assert not self.end(call, spent)

    @rule(call=consumes(calls))
    def refund(self, call: UUID) -> None:
        assert self.end(call, Spent(requests=0))

    @rule(kinds=st.sampled_from([["day"], ["month"], ["day", "month"]]), dry_run=st.booleans())
    def reset(self, kinds: list[str], dry_run: bool) -> None:
        quotas.reset(
            [self.alice], kinds=kinds, actor="t", reason="t", now=self.now, dry_run=dry_run
        )
        period = Period.at(self.now)
        starts = {"day": period.day, "month": period.month}
        for row in UsagePeriod.objects.filter(api_key=None, kind__in=kinds):
            if not dry_run and row.start == starts[row.kind]:
                assert Sums.of(row, "used_") == Sums(0, 0, Decimal(0))

    @rule(limits=some_limits, running=st.none() | st.integers(0, 4))
    def change_plan(self, limits: dict[str, Any], running: int | None) -> None:
        self.limits = Limits(**limits, concurrent_completions=running)

    @rule(limits=some_limits)
    def change_key(self, limits: dict[str, Any]) -> None:
        ApiKey.objects.filter(pk=self.key.pk).update(**dict.fromkeys(SPENDING_LIMITS) | limits)
        self.key.refresh_from_db()

    @rule(hours=st.integers(-30, 30))
    def set_clock(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def end(self, call: UUID, spent: Spent) -> bool:
        outcome = UsageRecord.Outcome.COMPLETE
        return quotas.settle(call, spent=spent, outcome=outcome, model_name="m", now=self.now)

    # --- What is known of limits ------------------------------------------------------------------------------------

    def taken(self, *, with_key: bool) -> list[Taken]:
        """Of each limit that is in force."""
        period = Period.at(self.now)
        found = []
        for key, limits in [(None, self.limits), (self.key, self.key)][: 1 + with_key]:
            for kind, start in (("day", period.day), ("month", period.month)):
                row = UsagePeriod.objects.filter(api_key=key, kind=kind, start=start).first()
                for amount in AMOUNTS:
                    limit = getattr(limits, f"{amount}_per_{kind}")
                    if limit is not None:
                        used = getattr(row, f"used_{amount}", 0)
                        reserved = getattr(row, f"reserved_{amount}", 0)
                        found.append(Taken(f"quota_{amount}", limit, used + reserved))
        if (most := self.limits.concurrent_completions) is not None:
            found.append(Taken("too_many_running", most, Reservation.objects.count()))
        return found

    def in_the_way(self, before: list[Taken], *, tokens: int, money: Decimal) -> set[str]:
        """The codes with which so much may be refused; if none, it may not be."""
        wanted = {"quota_tokens": tokens, "quota_money": money}
        return {one.code for one in before if one.taken + wanted.get(one.code, 1) > one.limit}

    @invariant()
    def the_counters_are_the_ledger(self) -> None:
        records, held = list(UsageRecord.objects.all()), list(Reservation.objects.all())
        for row in UsagePeriod.objects.all():

            def counts(one: UsageRecord | Reservation, row: UsagePeriod = row) -> bool:
                is_of_key = row.api_key_id in {None, one.api_key_id}
                return is_of_key and getattr(one, row.kind) == row.start

            spent = [one for one in records if counts(one) and one.kind in {"", row.kind}]
            assert Sums.of(row, "used_") == Sums.total(spent)
            assert Sums.of(row, "reserved_") == Sums.total(one for one in held if counts(one))

    @invariant()
    def everything_is_counted(self) -> None:
        rows = {(row.api_key_id, row.kind, row.start) for row in UsagePeriod.objects.all()}
        paid: list[UsageRecord | Reservation] = [*UsageRecord.objects.all()]
        for one in [*paid, *Reservation.objects.all()]:
            only = getattr(one, "kind", "")  # of a reset
            for kind in [only] if only else ["day", "month"]:
                for key in {None, one.api_key_id}:
                    assert (key, kind, getattr(one, kind)) in rows

    @invariant()
    def nothing_is_negative(self) -> None:
        for row in UsagePeriod.objects.all():
            for sums in (Sums.of(row, "used_"), Sums.of(row, "reserved_")):
                assert all(amount >= 0 for amount in (sums.requests, sums.tokens, sums.money))


def explore(*, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Spending,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_order_of_reserving_settling_and_giving_back(db: None) -> None:
    explore(examples=25, steps=15)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_orders_of_reserving_settling_and_giving_back(db: None) -> None:
    explore(examples=300, steps=30)
