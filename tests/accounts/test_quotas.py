"""Quotas: exact under load, renewed by themselves, and the ledger always equals the counters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import quotas, selectors
from accounts.models import Plan, Reservation, UsagePeriod, UsageRecord, User
from accounts.quotas import Limits, QuotaExceeded, Spent
from tests.at_once import at_once
from tests.conftest import make_user

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
COMPLETE = UsageRecord.Outcome.COMPLETE


def reserve(
    user: User,
    limits: Limits = quotas.NO_LIMITS,
    *,
    tokens: int = 100,
    least_tokens: int = 100,
    money: Decimal = Decimal(0),
    now: datetime = NOON,
) -> UUID:
    key = uuid4()
    quotas.reserve(
        user,
        key=key,
        limits=limits,
        tokens=tokens,
        least_tokens=least_tokens,
        money=money,
        now=now,
    )
    return key


def settle(key: UUID, spent: Spent = Spent(tokens_in=60, tokens_out=20), **times: datetime) -> bool:  # noqa: B008 (frozen)
    now = times.get("now", NOON)
    return quotas.settle(key, spent=spent, outcome=COMPLETE, model_name="fake", now=now)


def assert_ledger_equals_counters(user: User) -> None:
    rows = UsagePeriod.objects.filter(user=user)
    assert rows
    for row in rows:
        sums = quotas.ledger_sums(user, kind=row.kind, start=row.start)
        assert sums == (row.used_requests, row.used_tokens, row.used_money)


def counters(user: User, kind: str = "day") -> tuple[int, int, int, int]:
    row = UsagePeriod.objects.get(user=user, kind=kind)
    return row.reserved_requests, row.reserved_tokens, row.used_requests, row.used_tokens


# --- Periods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "day", "month", "day_ends", "month_ends"),
    [
        ("UTC", "2026-11-21T12:00", "2026-11-21", "2026-11-01", "2026-11-22T00:00", "2026-12-01T00:00"),
        ("UTC", "2026-11-30T23:59:59", "2026-11-30", "2026-11-01", "2026-12-01T00:00", "2026-12-01T00:00"),
        ("UTC", "2026-12-31T00:00", "2026-12-31", "2026-12-01", "2027-01-01T00:00", "2027-01-01T00:00"),
        ("UTC", "2028-02-29T10:00", "2028-02-29", "2028-02-01", "2028-03-01T00:00", "2028-03-01T00:00"),
        ("Asia/Shanghai", "2026-11-30T16:00", "2026-12-01", "2026-12-01", "2026-12-01T16:00", "2026-12-31T16:00"),
        ("Asia/Shanghai", "2026-11-30T15:59", "2026-11-30", "2026-11-01", "2026-11-30T16:00", "2026-11-30T16:00"),
        ("Europe/Berlin", "2026-10-24T22:30", "2026-10-25", "2026-10-01", "2026-10-25T23:00", "2026-10-31T23:00"),
        ("America/New_York", "2026-03-08T06:00", "2026-03-08", "2026-03-01", "2026-03-09T04:00", "2026-04-01T04:00"),
    ],
)  # fmt: skip
def test_periods_are_days_and_months_of_the_site(
    settings: Settings, zone: str, now: str, day: str, month: str, day_ends: str, month_ends: str
) -> None:
    settings.TIME_ZONE = zone
    period = quotas.Period.at(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (period.day, period.month) == (date.fromisoformat(day), date.fromisoformat(month))
    assert period.day_ends == datetime.fromisoformat(day_ends).replace(tzinfo=UTC)
    assert period.month_ends == datetime.fromisoformat(month_ends).replace(tzinfo=UTC)


def test_a_new_day_renews_the_quota(alice: User) -> None:
    limits = Limits(requests_per_day=1)
    settle(reserve(alice, limits))
    with pytest.raises(QuotaExceeded):
        reserve(alice, limits)
    settle(reserve(alice, limits, now=datetime(2026, 11, 22, tzinfo=UTC)))
    assert_ledger_equals_counters(alice)


def test_settling_after_midnight_counts_for_the_day_of_the_request(alice: User) -> None:
    key = reserve(alice, now=datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    settle(key, now=datetime(2026, 12, 1, 0, 1, tzinfo=UTC))
    assert {str(row.start) for row in UsagePeriod.objects.all()} == {"2026-11-30", "2026-11-01"}
    assert_ledger_equals_counters(alice)


# --- Whose limits ---------------------------------------------------------------------------------------------------


@pytest.fixture
def free(db: None) -> Plan:
    plan, _new = Plan.objects.update_or_create(
        name="Free", defaults={"is_default": True, "requests_per_day": 10}
    )
    return plan


def test_there_are_two_plans_from_the_start(db: None) -> None:
    plans = {plan.name: (plan.requests_per_day, plan.is_default) for plan in Plan.objects.all()}
    assert plans == {"Free": (10, True), "Unlimited": (None, False)}


def test_everyone_has_the_default_plan(alice: User, free: Plan) -> None:
    assert quotas.limits_of(alice).requests_per_day == 10


def test_administrators_have_no_limits(sasha: User, free: Plan) -> None:
    assert quotas.limits_of(sasha) == quotas.NO_LIMITS


def test_an_own_plan_comes_first(alice: User, sasha: User, free: Plan) -> None:
    mean = Plan.objects.create(name="Mean", requests_per_day=1)
    for user in (alice, sasha):
        user.plan = mean
        assert quotas.limits_of(user).requests_per_day == 1


def test_groups_give_the_most_generous_limits(alice: User, free: Plan) -> None:
    for name, requests, tokens, models in (
        ("a", 5, None, ["x"]),
        ("b", 20, 100, ["y"]),
    ):
        group = Group.objects.create(name=name)
        plan = Plan.objects.create(
            name=name, requests_per_day=requests, tokens_per_day=tokens, allowed_models=models
        )
        plan.groups.add(group)
        alice.groups.add(group)
    limits = quotas.limits_of(alice)
    assert (limits.requests_per_day, limits.tokens_per_day) == (20, None)
    assert limits.allows("x")
    assert limits.allows("y")
    assert not limits.allows("z")


def test_without_any_plan_there_is_no_limit(alice: User) -> None:
    Plan.objects.all().delete()
    assert quotas.limits_of(alice) == quotas.NO_LIMITS


def test_users_on_a_plan_are_those_whose_limits_it_gives(
    alice: User, bob: User, sasha: User, free: Plan
) -> None:
    group = Group.objects.create(name="writers")
    paid = Plan.objects.create(name="Paid", requests_per_day=100)
    paid.groups.add(group)
    bob.groups.add(group)
    assert set(selectors.users_on_plan(free)) == {alice}
    assert set(selectors.users_on_plan(paid)) == {bob}
    User.objects.filter(pk__in=[bob.pk, sasha.pk]).update(plan=free)
    assert set(selectors.users_on_plan(free)) == {alice, bob, sasha}


# --- Reserve, settle, refund ----------------------------------------------------------------------------------------


def test_reserve_then_settle(alice: User) -> None:
    key = reserve(alice)
    assert counters(alice) == counters(alice, "month") == (1, 100, 0, 0)
    assert settle(key)
    assert counters(alice) == counters(alice, "month") == (0, 0, 1, 80)
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_settling_happens_once(alice: User) -> None:
    key = reserve(alice)
    assert settle(key)
    assert not settle(key)
    assert not settle(uuid4())
    assert counters(alice) == (0, 0, 1, 80)


def test_a_refund_gives_everything_back(alice: User) -> None:
    limits = Limits(requests_per_day=1)
    settle(reserve(alice, limits), Spent(requests=0))
    assert counters(alice) == (0, 0, 0, 0)
    reserve(alice, limits)
    assert_ledger_equals_counters(alice)


@pytest.mark.parametrize("amounts", [("0.1", "0.7"), ("0.7", "0.1"), ("0.3", "0.6", "0.1")])
def test_money_set_aside_is_given_back_to_the_last_digit(
    alice: User, amounts: tuple[str, ...]
) -> None:
    keys = [reserve(alice, money=Decimal(amount)) for amount in amounts]
    for key in reversed(keys):
        assert settle(key)
    assert set(UsagePeriod.objects.values_list("reserved_money", flat=True)) == {Decimal(0)}


@pytest.mark.parametrize("tenths", [(1, 2, 1), (1, 2, 6), (3, 3, 1), (7, 1, 2)])
def test_a_budget_may_be_spent_to_the_last_digit(alice: User, tenths: tuple[int, ...]) -> None:
    used, reserved, wanted = (Decimal(number) / 10 for number in tenths)
    limits = Limits(money_per_day=used + reserved + wanted)
    settle(reserve(alice, limits), Spent(money=used))
    reserve(alice, limits, money=reserved)
    with pytest.raises(QuotaExceeded):
        reserve(alice, limits, money=wanted + Decimal("0.00000001"))
    reserve(alice, limits, money=wanted)


def test_fractions_of_the_smallest_amount_do_not_add_up(alice: User) -> None:
    for _ in range(50):
        settle(reserve(alice), Spent(tokens_in=1, money=Decimal("0.000000025")))
    assert_ledger_equals_counters(alice)
    quotas.reset([alice], kinds=["day", "month"], actor="test", reason="test", now=NOON)
    assert_ledger_equals_counters(alice)
    assert set(UsagePeriod.objects.values_list("used_money", flat=True)) == {Decimal(0)}


def test_spending_beyond_the_reservation_is_recorded_and_blocks(alice: User) -> None:
    limits = Limits(tokens_per_day=150)
    settle(reserve(alice, limits), Spent(tokens_in=100, tokens_out=200))
    assert counters(alice) == (0, 0, 1, 300)
    with pytest.raises(QuotaExceeded):
        reserve(alice, limits, tokens=1, least_tokens=1)


@pytest.mark.parametrize(
    ("limits", "code", "limit", "resets_at"),
    [
        (Limits(requests_per_day=2), "quota_requests", 2, datetime(2026, 11, 22, tzinfo=UTC)),
        (Limits(requests_per_day=0), "quota_requests", 0, datetime(2026, 11, 22, tzinfo=UTC)),
        (Limits(requests_per_month=2), "quota_requests", 2, datetime(2026, 12, 1, tzinfo=UTC)),
        (Limits(tokens_per_day=250), "quota_tokens", 250, None),
        (Limits(tokens_per_month=250), "quota_tokens", 250, None),
        (Limits(money_per_day=Decimal(5)), "quota_money", 5, None),
        (Limits(money_per_month=Decimal(5)), "quota_money", 5, None),
        (Limits(tokens_per_day=50), "quota_tokens", 50, datetime(2026, 11, 22, tzinfo=UTC)),
        (Limits(tokens_per_month=50), "quota_tokens", 50, datetime(2026, 12, 1, tzinfo=UTC)),
        (Limits(money_per_day=Decimal(1)), "quota_money", 1, datetime(2026, 11, 22, tzinfo=UTC)),
        (Limits(money_per_month=Decimal(1)), "quota_money", 1, datetime(2026, 12, 1, tzinfo=UTC)),
        (Limits(concurrent_completions=2), "too_many_running", 2, None),
    ],
)
def test_each_limit_refuses_with_its_code(
    alice: User, limits: Limits, code: str, limit: int, resets_at: datetime | None
) -> None:
    """resets_at: none where a quota is only set aside for what is being written, and may be given back."""
    reservations = (reserve(alice, limits, money=Decimal(2)) for _ in range(3))
    with pytest.raises(QuotaExceeded) as caught:
        list(reservations)
    assert (caught.value.code, caught.value.limit) == (code, limit)
    assert caught.value.resets_at == resets_at
    assert str(limit) in str(caught.value.message)
    reserved = sum(row.reserved_requests for row in UsagePeriod.objects.filter(kind="day"))
    assert reserved == Reservation.objects.count()


def test_a_reservation_shrinks_to_what_is_left(alice: User) -> None:
    limits = Limits(tokens_per_day=150)
    reserve(alice, limits)
    granted = quotas.reserve(
        alice, key=uuid4(), limits=limits, tokens=100, least_tokens=50, now=NOON
    )
    assert granted == 50
    with pytest.raises(QuotaExceeded):
        reserve(alice, limits, tokens=100, least_tokens=1)


def test_people_do_not_share_a_quota(alice: User, bob: User) -> None:
    limits = Limits(requests_per_day=1)
    reserve(alice, limits)
    reserve(bob, limits)


def test_a_month_lasts_longer_than_a_day(alice: User) -> None:
    limits = Limits(requests_per_day=1, requests_per_month=1, money_per_day=Decimal(1))
    settle(reserve(alice, limits), Spent(money=Decimal(2)))
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, limits)
    assert caught.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, limits, now=datetime(2026, 11, 22, tzinfo=UTC))
    assert str(caught.value.message).startswith("You have used the only request of this month.")
    reserve(alice, limits, now=datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("limits", "tokens", "money", "sentence"),
    [
        (Limits(requests_per_day=1), 1, 0, "You have used the only request of today."),
        (Limits(requests_per_month=1), 1, 0, "You have used the only request of this month."),
        (Limits(tokens_per_day=1_080), 1_001, 0, "This message needs more than you have: 1,000 of 1,080 tokens left"),
        (Limits(tokens_per_month=80), 1, 0, "You have used all 80 tokens of this month."),
        (Limits(money_per_day=Decimal("0.40")), 1, 0, "You have used the whole budget of 0.4 of today."),
        (Limits(money_per_month=Decimal(1)), 1, 1, "This message needs more than you have: 0.5 of the"),
    ],
)  # fmt: skip
def test_each_limit_refuses_in_its_words(
    alice: User, limits: Limits, tokens: int, money: int, sentence: str
) -> None:
    settle(reserve(alice), Spent(tokens_in=80, money=Decimal("0.50")))
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, limits, tokens=tokens, least_tokens=tokens, money=Decimal(money))
    assert caught.value.message.startswith(sentence)
    assert " Your quota renews on " in caught.value.message


def test_what_is_left_counts_what_is_reserved(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    limits = Limits(
        requests_per_day=3,
        requests_per_month=2,
        tokens_per_day=500,
        tokens_per_month=200,
        money_per_day=Decimal(1),
        money_per_month=Decimal("0.6"),
    )
    settle(reserve(alice, limits), Spent(tokens_in=80, money=Decimal("0.2")))
    reserve(alice, limits, money=Decimal("0.3"))
    with django_assert_num_queries(1):
        found = quotas.allowances(alice, limits=limits, now=NOON)
    assert [(one.amount, one.kind, one.left, one.unspent) for one in found] == [
        ("money", "month", Decimal("0.1"), Decimal("0.4")),
        ("tokens", "month", 20, 120),
        ("requests", "month", 0, 0),
        ("money", "day", Decimal("0.5"), Decimal("0.8")),
        ("tokens", "day", 320, 420),
        ("requests", "day", 1, 1),
    ]
    with django_assert_num_queries(0):
        assert quotas.allowances(alice, limits=Limits(concurrent_completions=1), now=NOON) == []


@pytest.mark.parametrize(
    ("spent", "limit", "low", "used_up"),
    [(0, 0, True, True), (0, 1, False, False), (79, 100, False, False), (80, 100, True, False),
     (100, 100, True, True), (180, 100, True, True)],
)  # fmt: skip
def test_people_are_warned_from_four_fifths_on(
    spent: int, limit: int, low: bool, used_up: bool
) -> None:
    found = quotas.Allowance("tokens", "day", limit, spent, set_aside=50, renews_at=NOON)
    assert (found.is_low, found.is_used_up) == (low, used_up)
    assert (found.unspent, found.left) == (max(limit - spent, 0), max(limit - spent - 50, 0))


def test_reset_gives_back_what_was_used_and_keeps_what_is_reserved(alice: User) -> None:
    limits = Limits(requests_per_day=2)
    settle(reserve(alice, limits))
    open_key = reserve(alice, limits)
    (done,) = quotas.reset([alice], kinds=["day"], actor="sasha", reason="sorry", now=NOON)
    assert (done.username, done.kind, done.requests, done.tokens) == ("alice", "day", 1, 80)
    assert counters(alice) == (1, 100, 0, 0)
    assert counters(alice, "month") == (1, 100, 1, 80)
    row = UsageRecord.objects.get(outcome="reset")
    assert (row.actor, row.reason, row.requests, row.kind) == ("sasha", "sorry", -1, "day")
    assert_ledger_equals_counters(alice)
    settle(open_key)
    assert_ledger_equals_counters(alice)


def test_a_deleted_person_leaves_the_ledger(alice: User) -> None:
    settle(reserve(alice))
    alice.delete()
    assert UsageRecord.objects.get().user is None


# --- Many at once ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_get_exactly_ten() -> None:
    alice = make_user("alice")
    limits = Limits(requests_per_day=10)
    now = timezone.now()

    def ask() -> str:
        try:
            settle(reserve(alice, limits, now=now), now=now)
        except QuotaExceeded as error:
            return error.code
        return "granted"

    assert sorted(at_once(*[ask] * 50)) == ["granted"] * 10 + ["quota_requests"] * 40
    assert counters(alice) == (0, 0, 10, 800)
    assert UsageRecord.objects.count() == 10
    assert_ledger_equals_counters(alice)
