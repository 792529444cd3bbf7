"""Conversations that nobody uses go after a time: chosen by the person, or the site, and never by surprise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import User
from conversations import expiry, retention
from conversations.models import Completion, Conversation, Message, SiteRetention
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.clocks import trust_the_clock

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADDRESS = "/settings/data/retention/"


@pytest.fixture(autouse=True)
def trusted_clock(db: None) -> None:
    trust_the_clock(NOW)


def unused(owner: User, days: float, now: datetime = NOW, **fields: Any) -> Conversation:
    """A conversation with a message, last active so many days before."""
    at = now - timedelta(days=days)
    conversation = Conversation.objects.create(
        owner=owner, title=f"{days} days", active_at=at, **fields
    )
    Message.objects.create(conversation=conversation, owner=owner, role="user", content="Hello")
    return conversation


def keep_for(user: User, days: int | None, *, since: datetime = NOW - 2 * DAY) -> None:
    services.keep_conversations_for(user, days=days, now=since)
    user.refresh_from_db()


def titles() -> set[str]:
    return set(Conversation.objects.values_list("title", flat=True))


# --- Removal ---------------------------------------------------------------------------------------------------------


def test_by_the_persons_own_rule(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        unused(owner, 31)
        unused(owner, 29)
    unused(alice, 400, archived=True)
    keep_for(alice, 30)
    assert expiry.remove_unused(NOW) == 2
    assert Conversation.objects.filter(owner=bob).count() == 2
    assert [row.title for row in Conversation.objects.filter(owner=alice)] == ["29 days"]
    assert Message.objects.count() == 3
    assert expiry.remove_unused(NOW) == 0


def test_pinned_running_and_deleted_ones_are_left(alice: User) -> None:
    keep_for(alice, 30)
    unused(alice, 99, pinned=True)
    busy = unused(alice, 98)
    Completion.objects.create(
        conversation=busy,
        message=Message.objects.create(conversation=busy, owner=alice, role="assistant"),
        model_name="x",
        status="running",
    )
    unused(alice, 97, deleted_at=NOW)  # `retention.py` has the bin
    assert expiry.remove_unused(NOW) == 0
    Completion.objects.update(status="complete")
    assert expiry.remove_unused(NOW) == 1
    assert titles() == {"99 days", "97 days"}


@pytest.mark.parametrize(("own", "site", "left"), [(30, 90, 29), (90, 30, 29), (None, 30, 29)])
def test_the_shorter_of_both_counts(
    alice: User, settings: Any, own: int | None, site: int, left: int
) -> None:
    settings.RETENTION_DAYS = site
    SiteRetention.objects.create(days=site, since=NOW - 2 * DAY)
    keep_for(alice, own)
    for days in (29, 31, 91):
        unused(alice, days)
    assert expiry.remove_unused(NOW) == 2
    assert titles() == {f"{left} days"}
    rules = expiry.rules_of(alice, now=NOW)
    assert min(rule.days for rule in rules) == 30


def test_nothing_before_a_day_has_passed(alice: User, settings: Any) -> None:
    unused(alice, 99)
    keep_for(alice, 30, since=NOW)
    almost = NOW + DAY - timedelta(seconds=1)
    assert expiry.remove_unused(almost) == 0
    keep_for(alice, 30, since=almost)  # the same again begins no new day
    assert expiry.remove_unused(NOW + DAY) == 1
    settings.RETENTION_DAYS = 30
    unused(alice, 88)
    keep_for(alice, None)
    assert expiry.remove_unused(NOW) == 0
    assert expiry.remove_unused(almost) == 0
    assert expiry.remove_unused(NOW + DAY) == 1


def test_another_number_of_the_site_begins_a_new_day(alice: User, settings: Any) -> None:
    unused(alice, 50)
    for days in (90, 30):
        settings.RETENTION_DAYS = days
        assert expiry.remove_unused(NOW) == 0
    assert SiteRetention.objects.get().days == 30
    settings.RETENTION_DAYS = 0
    assert expiry.remove_unused(NOW + DAY) == 0
    assert not SiteRetention.objects.exists()
    settings.RETENTION_DAYS = 30
    assert expiry.remove_unused(NOW + 2 * DAY) == 0
    assert expiry.remove_unused(NOW + 3 * DAY) == 1


def test_a_clock_that_was_ahead_begins_the_day_anew(alice: User, settings: Any) -> None:
    """Set back, it deletes neither at once nor, for what it noted meanwhile, never."""
    settings.RETENTION_DAYS = 60
    ahead = NOW + timedelta(days=3650)
    SiteRetention.objects.create(days=60, since=ahead)
    keep_for(alice, 30, since=ahead)
    unused(alice, 99)
    unused(alice, -3650)  # active when the clock was ahead
    assert expiry.remove_unused(NOW) == 0
    assert expiry.remove_unused(NOW - timedelta(days=400)) == 0
    assert expiry.remove_unused(NOW) == 0
    assert expiry.remove_unused(NOW + DAY) == 1
    assert titles() == {"-3650 days"}


@pytest.mark.parametrize("month", [3, 10])
def test_days_are_of_24_hours(alice: User, settings: Any, month: int) -> None:
    """In both nights in which Berlin changes its clocks."""
    settings.TIME_ZONE = "Europe/Berlin"
    end = datetime(2026, month, 29 if month == 3 else 25, 12, tzinfo=UTC)
    trust_the_clock(end)
    keep_for(alice, 1, since=end - 9 * DAY)
    unused(alice, 1, now=end)
    assert expiry.remove_unused(end - timedelta(seconds=1)) == 0
    assert expiry.remove_unused(end + timedelta(seconds=1)) == 1


def test_a_few_at_once_and_all_by_the_command(alice: User, bob: User, settings: Any) -> None:
    trust_the_clock(timezone.now())
    settings.RETENTION_DAYS = 90
    SiteRetention.objects.create(days=90, since=timezone.now() - 2 * DAY)
    keep_for(alice, 30, since=timezone.now() - 2 * DAY)
    old = timezone.now() - timedelta(days=40)
    older = timezone.now() - timedelta(days=100)
    Conversation.objects.bulk_create(Conversation(owner=alice, active_at=old) for _ in range(15))
    Conversation.objects.bulk_create(Conversation(owner=bob, active_at=older) for _ in range(14))
    Conversation.objects.create(owner=bob, active_at=old)
    assert expiry.remove_unused(timezone.now()) == expiry.REMOVED_AT_ONCE
    output = StringIO()
    call_command("housekeeping", stdout=output)
    assert output.getvalue() == "conversations 19\n"
    assert Conversation.objects.get().owner == bob


def test_several_processes_at_once(alice: User, transactional_db: None) -> None:
    keep_for(alice, 30)
    for _ in range(9):
        unused(alice, 99)
    removed = at_once(*[lambda: expiry.remove_unused(NOW)] * 3)
    assert sum(removed) == 9
    assert not Conversation.objects.exists()


def test_used_between_being_found_and_removed(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_for(alice, 30)
    conversation = unused(alice, 99)
    found = list(expiry._due(NOW))
    assert len(found) == 1
    Conversation.objects.filter(pk=conversation.pk).update(active_at=NOW)
    assert not expiry._remove(*found[0])
    Conversation.objects.filter(pk=conversation.pk).update(active_at=conversation.active_at)
    keep_for(alice, None)
    assert not expiry._remove(*found[0])
    keep_for(alice, 30)
    assert expiry._remove(*found[0])


def test_indexes_find_what_is_due(alice: User) -> None:
    rows = Conversation.objects.filter(pinned=False, deleted_at=None, active_at__lt=NOW)
    assert "longest_unused" in rows.order_by("active_at").values_list("pk")[:10].explain()
    mine = rows.filter(owner__in=[alice.pk], archived=False, owner__retention_days=30)
    plan = mine.values_list("pk")[:10].explain()
    # PostgreSQL goes by how many rows there are.
    assert "sidebar_order" in plan or "longest_unused" in plan


# --- The page --------------------------------------------------------------------------------------------------------


def choose(client: Client, keep: str, **fields: str) -> Any:
    return client.post(ADDRESS, {"keep": keep, **fields})


@pytest.mark.parametrize(
    ("keep", "days", "chosen"),
    [("30", "", 30), ("365", "7", 365), ("other", "60", 60), ("other", "30", 30), ("", "5", None)],
)
def test_choosing(
    alice: User, alice_client: Client, keep: str, days: str, chosen: int | None
) -> None:
    assert choose(alice_client, keep, days=days).status_code == 303
    alice.refresh_from_db()
    assert alice.retention_days == chosen
    assert (alice.retention_since is None) == (chosen is None)
    page = alice_client.get("/settings/data/").content.decode()
    assert ("What goes next" in page) == (chosen is not None)


@pytest.mark.parametrize(
    ("keep", "days"),
    [
        ("other", ""),
        ("other", "0"),
        ("other", "-3"),
        ("other", "1.5"),
        ("other", "many"),
        ("other", "99999999999999999999"),
        ("31", ""),
        ("\x00", ""),
    ],
)
def test_nonsense_is_refused_and_kept(
    alice: User, alice_client: Client, keep: str, days: str
) -> None:
    reply = choose(alice_client, keep, days=days)
    assert reply.status_code == 400
    assert 'class="errorlist"' in reply.content.decode()
    alice.refresh_from_db()
    assert alice.retention_days is None


def test_asked_first_where_something_would_go(alice: User, alice_client: Client) -> None:
    unused(alice, 99, now=timezone.now())
    unused(alice, 98, now=timezone.now(), pinned=True)
    asked = choose(alice_client, "30")
    assert asked.status_code == 200
    assert "1 conversation will not have been used" in asked.content.decode()
    alice.refresh_from_db()
    assert alice.retention_days is None
    assert choose(alice_client, "30", confirmed="90").status_code == 200
    assert choose(alice_client, "other", days="30", confirmed="30").status_code == 303
    alice.refresh_from_db()
    assert alice.retention_days == 30
    assert expiry.remove_unused(timezone.now()) == 0
    assert choose(alice_client, "365").status_code == 303  # nothing more is as old as that


def test_the_preview(alice: User, alice_client: Client, bob: User, settings: Any) -> None:
    now = timezone.now()
    trust_the_clock(now)
    assert expiry.preview(alice, now=now) is None
    settings.RETENTION_DAYS = 365
    keep_for(alice, 30, since=now - 2 * DAY)
    for days in range(1, 41, 3):
        unused(alice, days, now=now)
    unused(alice, 77, now=now, pinned=True)
    unused(bob, 77, now=now)
    seen = expiry.preview(alice, now=now)
    assert seen is not None
    assert (seen.days, seen.soon, len(seen.first)) == (30, 6, 10)  # 25, 28, 31, 34, 37, 40
    assert [one.title for one in seen.first[:2]] == ["40 days", "37 days"]
    assert seen.first[5].goes_at == Conversation.objects.get(title="25 days").active_at + 30 * DAY
    page = alice_client.get("/settings/data/").content.decode()
    assert "6 conversations go within the next seven days" in page
    assert "365 days" in page
    assert "77 days" not in page


def test_the_preview_knows_the_day_of_grace(alice: User) -> None:
    keep_for(alice, 30, since=NOW)
    unused(alice, 99)
    seen = expiry.preview(alice, now=NOW)
    assert seen is not None
    assert [one.goes_at for one in seen.first] == [NOW + DAY]
    assert seen.soon == 1


def test_only_a_post_of_ones_own(client: Client, alice: User, bob: User) -> None:
    assert client.post(ADDRESS, {"keep": "30"}).status_code == 302
    assert signed_in(bob).get(ADDRESS).status_code == 405
    choose(signed_in(bob), "30")
    alice.refresh_from_db()
    assert alice.retention_days is None


def test_the_bin_is_emptied_as_before(alice: User) -> None:
    keep_for(alice, 30)
    unused(alice, 99, deleted_at=NOW - DAY)
    assert retention.purge_deleted(NOW) == 1
