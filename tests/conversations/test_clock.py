"""A clock that jumps takes nothing along: what goes by its age waits for a day in which the clock goes steadily."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from conversations import clock, expiry, listing, retention
from conversations.models import ClockLook, Conversation
from tests.at_once import at_once
from tests.conversations.clocks import trust_the_clock
from tests.conversations.test_expiry import keep_for, titles, unused

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AHEAD = timedelta(days=400)


@pytest.fixture
def fresh(alice: User) -> Conversation:
    """Used an hour ago, by somebody who keeps conversations for thirty days."""
    trust_the_clock(NOW)
    keep_for(alice, 30, since=NOW - 9 * DAY)
    return unused(alice, 1 / 24, now=NOW)


def remove_hourly(start: datetime, hours: int) -> int:
    return sum(expiry.remove_unused(start + number * HOUR) for number in range(hours))


def test_far_ahead_for_less_than_a_day(
    fresh: Conversation, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RETENTION_DAYS = 365
    with caplog.at_level(logging.WARNING):
        assert remove_hourly(NOW + AHEAD, 24) == 0
    (said,) = caplog.records
    assert "2026-11-28" in said.getMessage()
    assert "2028-01-02" in said.getMessage()
    assert remove_hourly(NOW + DAY, 48) == 0  # it has been set back
    assert Conversation.objects.get() == fresh


def test_ahead_for_longer_is_believed(fresh: Conversation) -> None:
    """After a day in which somebody could have noticed; a clock that was right and stood still is one, too."""
    assert remove_hourly(NOW + AHEAD, 24) == 0
    assert expiry.remove_unused(NOW + AHEAD + DAY) == 1


def test_a_clock_that_cannot_decide_removes_nothing(fresh: Conversation) -> None:
    """Wrong after each start until the network tells the time; or two machines, one of them wrong."""
    for days in range(30):
        assert remove_hourly(NOW + AHEAD + days * DAY, 2) == 0
        assert remove_hourly(NOW + days * DAY + 2 * HOUR, 20) == 0


@pytest.mark.parametrize("back", [timedelta(days=9), AHEAD, timedelta(days=20_000)])
def test_set_back_and_right_again(fresh: Conversation, alice: User, back: timedelta) -> None:
    unused(alice, 99)
    assert remove_hourly(NOW - back, 20) == 0
    right = NOW + 20 * HOUR
    assert remove_hourly(right, 24) == 0
    assert expiry.remove_unused(right + DAY) == 1
    assert titles() == {fresh.title}


def test_what_was_deleted_ahead_leaves_the_bin(fresh: Conversation, alice: User) -> None:
    """Not at once, which would be no time to take it back, and not in 400 days."""
    for number in range(2):
        Conversation.objects.create(owner=alice, title=str(number), deleted_at=NOW + AHEAD)
    remove_hourly(NOW + AHEAD, 3)
    right = NOW + 3 * HOUR
    assert remove_hourly(right, 24) == 0
    assert retention.purge_deleted(right + 23 * HOUR) == 0
    assert expiry.remove_unused(right + DAY) == 0
    assert not listing.deleted_of(alice, now=right + DAY + 11 * timedelta(minutes=1)).exists()
    assert retention.purge_deleted(right + DAY + 11 * timedelta(minutes=1)) == 2
    assert Conversation.objects.get() == fresh


@pytest.mark.parametrize(("every", "removed"), [(7 * DAY, 1), (9 * DAY, 0)])
def test_a_site_that_runs_now_and_then(alice: User, every: timedelta, removed: int) -> None:
    """Once a week is enough; less often it has to run for a day."""
    keep_for(alice, 30, since=NOW - 9 * DAY)
    unused(alice, 99)
    counts = [expiry.remove_unused(NOW + number * every) for number in range(9)]
    assert counts == [0, removed, *[0] * 7]
    assert remove_hourly(NOW + 8 * every, 30) == 1 - removed


def test_small_differences_between_machines(fresh: Conversation, alice: User) -> None:
    unused(alice, 99)
    for minutes in (0, 30, 5, 50):
        clock.look(NOW + timedelta(minutes=minutes))
    assert expiry.remove_unused(NOW + timedelta(minutes=1)) == 1


def test_several_looks_at_once_note_a_jump_once(
    fresh: Conversation, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    trust_the_clock(NOW)
    with caplog.at_level(logging.WARNING):
        until = at_once(*[lambda: clock.look(NOW + AHEAD)] * 3)
    assert until == [NOW + AHEAD + DAY] * 3
    assert len(caplog.records) == 1


def test_a_look_is_written_seldom(fresh: Conversation, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        clock.look(NOW + timedelta(minutes=9))
    clock.look(NOW + timedelta(minutes=10))
    assert ClockLook.objects.get().looked_at == NOW + timedelta(minutes=10)


def test_the_preview_waits_with_it(fresh: Conversation, alice: User) -> None:
    unused(alice, 99)
    seen = expiry.preview(alice, now=NOW + AHEAD)
    assert seen is not None
    assert [one.goes_at for one in seen.first] == [NOW + AHEAD + DAY] * 2


def test_the_command_says_that_it_waits(alice: User, alice_client: Client) -> None:
    now = timezone.now()
    keep_for(alice, 30, since=now - 9 * DAY)
    unused(alice, 99, now=now)
    trust_the_clock(now - AHEAD)
    Session.objects.update(expire_date=now - DAY)
    output = StringIO()
    call_command("housekeeping", stdout=output)
    first, second = output.getvalue().splitlines()
    assert first == "conversations 0"
    assert f"stay until {ClockLook.objects.get().steady_since + DAY:%Y-%m-%d %H:%M} UTC" in second
    assert Session.objects.count() == Conversation.objects.count() == 1
    trust_the_clock(now)
    output = StringIO()
    call_command("housekeeping", stdout=output)
    assert output.getvalue() == "conversations 1\n"
    assert not Session.objects.exists()
