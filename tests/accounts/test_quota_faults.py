"""What disturbs quotas: resets in the middle of everything, clocks that jump, days that are not 24 hours long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import quotas
from accounts.models import UsagePeriod, UsageRecord, User
from accounts.quotas import Limits, Period, QuotaExceeded, Spent
from tests.accounts.test_quotas import (
    assert_ledger_equals_counters,
    counters,
    reserve,
    settle,
)
from tests.at_once import at_once
from tests.conftest import make_user

BOTH = ["day", "month"]
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)  # of a day and of a month
MINUTE = timedelta(minutes=1)


def reset(user: User, kinds: list[str] = BOTH, *, now: datetime) -> int:
    """How many rows were reset."""
    return len(quotas.reset([user], kinds=kinds, actor="test", reason="test", now=now))


# --- Many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_resets_at_once_one_gives_back() -> None:
    alice, now = make_user("alice"), timezone.now()
    for _ in range(3):
        settle(reserve(alice, now=now), now=now)
    assert sum(at_once(*[lambda: reset(alice, now=now)] * 4)) == 2  # its day and its month
    assert UsageRecord.objects.filter(outcome="reset").count() == 2
    assert counters(alice) == counters(alice, "month") == (0, 0, 0, 0)
    assert_ledger_equals_counters(alice)


@pytest.mark.django_db(transaction=True)
def test_resets_amid_two_hundred_requests() -> None:
    """Each is admitted or refused by what is left at its moment, and nothing is lost or given back twice."""
    alice, now = make_user("alice"), timezone.now()
    limits = Limits(requests_per_day=30, tokens_per_month=100_000, money_per_day=Decimal(10))

    def ask_ten_times() -> int:
        granted = 0
        for _ in range(10):
            try:
                call = reserve(alice, limits, money=Decimal("0.1"), now=now)
            except QuotaExceeded:
                continue
            settle(call, Spent(tokens_in=60, tokens_out=20, money=Decimal("0.07")), now=now)
            granted += 1
        return granted

    resets = [
        lambda kinds=kinds: reset(alice, kinds, now=now) for kinds in (["day"], ["month"], BOTH)
    ]
    *granted, _day, _month, _both = at_once(*[ask_ten_times] * 20, *resets)
    records = UsageRecord.objects.filter(outcome="complete")
    assert 30 <= sum(granted) == records.count() <= 30 * 3
    used = UsagePeriod.objects.get(user=alice, kind="day").used_requests
    assert 0 <= used <= 30
    assert counters(alice)[:2] == counters(alice, "month")[:2] == (0, 0)
    assert_ledger_equals_counters(alice)


# --- Clocks and calendars --------------------------------------------------------------------------------------------


def test_a_clock_set_back_across_midnight(alice: User) -> None:
    """What was asked in the new month stays there, and the old day goes on as it was."""
    limits = Limits(requests_per_day=2, requests_per_month=3)
    before, after = MIDNIGHT - MINUTE, MIDNIGHT + MINUTE
    settle(reserve(alice, limits, now=before), now=before)
    early = reserve(alice, limits, now=after)
    settle(reserve(alice, limits, now=before), now=before)
    with pytest.raises(QuotaExceeded) as caught:
        reserve(alice, limits, now=before)
    assert caught.value.resets_at == MIDNIGHT
    assert settle(early, now=before)
    assert_ledger_equals_counters(alice)
    settle(reserve(alice, limits, now=after), now=after)
    with pytest.raises(QuotaExceeded):
        reserve(alice, limits, now=after)
    used = UsagePeriod.objects.filter(kind="day").order_by("start").values_list("used_requests")
    assert [count for (count,) in used] == [2, 2]
    assert_ledger_equals_counters(alice)


def test_a_reset_between_midnight_and_a_clock_set_back(alice: User) -> None:
    for now in (MIDNIGHT - MINUTE, MIDNIGHT + MINUTE):
        settle(reserve(alice, now=now), now=now)
    assert reset(alice, now=MIDNIGHT + MINUTE) == 2
    assert reset(alice, now=MIDNIGHT - MINUTE) == 2
    assert reset(alice, now=MIDNIGHT + MINUTE) == 0
    assert not UsagePeriod.objects.exclude(used_requests=0, used_tokens=0).exists()
    assert_ledger_equals_counters(alice)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Beirut", "2026-03-29", 23),  # begins at one o'clock
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Asia/Shanghai", "2026-11-28", 24),
    ],
)
def test_a_day_is_as_long_as_it_is(
    settings: Settings, alice: User, zone: str, day: str, hours: float
) -> None:
    settings.TIME_ZONE = zone
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    ends = Period.at(noon).day_ends.astimezone(UTC)
    begins = ends - timedelta(hours=hours)
    limits = Limits(requests_per_day=1)
    last_of_before, last = begins - timedelta(seconds=1), ends - timedelta(seconds=1)
    for now in (last_of_before, begins, ends):
        settle(reserve(alice, limits, now=now), now=now)
    moment = begins
    while moment <= last:
        with pytest.raises(QuotaExceeded) as caught:
            reserve(alice, limits, now=moment)
        assert caught.value.resets_at == ends
        moment += timedelta(minutes=30)
    starts = (
        UsagePeriod.objects.filter(kind="day").order_by("start").values_list("start", flat=True)
    )
    assert [(start - noon.date()).days for start in starts] == [-1, 0, 1]
    assert_ledger_equals_counters(alice)
