"""The sidebar's list: grouped by age, without an end, filtered by tag, and what it costs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from conversations import listing
from conversations.listing import Cursor
from conversations.models import Conversation, Folder, Tag
from tests.conversations.talk import JSON, Talk
from tests.upstream import Script, Upstream

LIST = "/conversations/list/"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make(owner: User, count: int, **fields: object) -> list[Conversation]:
    """Number 0 is the newest; all at one moment if one is given."""
    now = timezone.now()
    return Conversation.objects.bulk_create(
        Conversation(
            owner=owner,
            title=f"Number {number}",
            **{"active_at": now - timedelta(minutes=number), **fields},
        )
        for number in range(count)
    )


def titles(page: str) -> list[str]:
    return re.findall(r"Number \d+(?=\n)", page)


def older(page: str) -> str:
    found = re.search(r'href="(\?[^"#]+)#sidebar"', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_habit_36_sidebar_is_grouped_and_endless(
    alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    for days in (0, 1, 3, 20, 60, 400):
        Conversation.objects.create(
            owner=alice, title=f"{days} days", active_at=NOON - timedelta(days=days)
        )
    page = alice_client.get(LIST).content.decode()
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "Today",
        "Yesterday",
        "Previous 7 days",
        "Previous 30 days",
        "September 2026",
        "October 2025",
    ]
    assert re.findall(r"\d+ days(?=\n)", page) == [f"{n} days" for n in (0, 1, 3, 20, 60, 400)]


@pytest.mark.parametrize("moment", [None, NOON])
def test_older_rows_follow_by_cursor(
    alice_client: Client, alice: User, moment: datetime | None
) -> None:
    """Also when all were active at the same moment, and while new ones are begun."""
    made = make(alice, 150, **({"active_at": moment} if moment else {}))
    page = alice_client.get(LIST).content.decode()
    seen = titles(page)
    while query := older(page):
        Conversation.objects.create(owner=alice, title="Begun meanwhile")
        page = alice_client.get(LIST + query).content.decode()
        seen += titles(page)
    assert sorted(seen) == sorted(row.title for row in made)


def test_an_old_row_that_becomes_active_is_not_shown_twice(alice: User) -> None:
    made = make(alice, 10)
    first, more = listing.page(listing.conversations_of(alice), limit=5)
    assert more
    Conversation.objects.filter(pk=made[7].pk).update(active_at=timezone.now())
    after = Cursor(first[-1].active_at, first[-1].id)
    rest, more = listing.page(listing.conversations_of(alice), after=after, limit=5)
    assert [row.title for row in rest] == ["Number 5", "Number 6", "Number 8", "Number 9"]
    assert not more


@pytest.mark.parametrize("cursor", ["x", "2026-01-01T00:00:00Z", "_", "2026-13-01T00:00:00Z_7"])
def test_odd_cursors_begin_at_the_newest(alice_client: Client, alice: User, cursor: str) -> None:
    make(alice, 2)
    assert len(titles(alice_client.get(LIST, {"older": cursor}).content.decode())) == 2


def test_list_of_two_thousand_costs_as_much_as_of_three(alice_client: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alice_client.get(LIST).status_code == 200
        return len(captured)

    folder = Folder.objects.create(owner=alice, name="Work")
    make(alice, 3)
    make(alice, 1, pinned=True)
    make(alice, 1, folder=folder)
    few = queries()
    make(alice, 2000)
    make(alice, 100, pinned=True)
    make(alice, 100, folder=folder)
    assert queries() == few <= 8
    assert "sidebar_order" in listing.conversations_of(alice).values_list("pk")[:60].explain()


def test_pinned_come_first_and_folders_open_by_the_cookie(
    alice_client: Client, alice: User
) -> None:
    folder = Folder.objects.create(owner=alice, name="Work")
    make(alice, 1)
    Conversation.objects.create(owner=alice, title="Kept", pinned=True)
    Conversation.objects.create(owner=alice, title="Filed", folder=folder)
    page = alice_client.get(LIST).content.decode()
    assert page.index("Pinned") < page.index("Kept") < page.index("Work") < page.index("Number 0")
    assert "Filed" not in page
    alice_client.cookies["sidebar"] = f"collapsed.{folder.pk}"
    assert "Filed" in alice_client.get(LIST).content.decode()
    assert "data-collapsed" in alice_client.get("/").content.decode()
    alice_client.cookies["sidebar"] = "x" * 500
    assert "data-collapsed" not in alice_client.get("/").content.decode()


def test_filtered_by_tag(alice_client: Client, bob_client: Client, alice: User) -> None:
    tag = Tag.objects.create(owner=alice, name="urgent")
    first, _second = make(alice, 2)
    first.tags.add(tag)
    page = alice_client.get(LIST, {"tag": str(tag.pk)}).content.decode()
    assert titles(page) == ["Number 0"]
    assert bob_client.get(LIST, {"tag": str(tag.pk)}).status_code == 404
    assert bob_client.get("/", {"tag": str(tag.pk)}).status_code == 404


def test_habit_17_the_sidebar_knows_what_runs(
    talk: Talk, upstream: Upstream, bob_client: Client
) -> None:
    upstream.play(Script("gated", ("One", "two")))
    sent = talk.send("Hello")
    running = talk.client.get("/conversations/running/").json()["running"]
    assert running == [sent.body["conversation"]]
    assert "data-running" in talk.client.get(LIST).content.decode()
    assert bob_client.get("/conversations/running/").json() == {"running": []}
    upstream.release()
    talk.finish(sent)
    assert talk.client.get("/conversations/running/").json() == {"running": []}


def test_habit_38_titles_are_found(alice_client: Client, bob_client: Client, alice: User) -> None:
    make(alice, 3)
    Conversation.objects.create(owner=alice, title="Tea in 北京")
    Conversation.objects.create(owner=alice, title="Old tea", archived=True)
    Conversation.objects.create(owner=alice, title="No tea", deleted_at=timezone.now())

    def found(client: Client, words: str) -> list[str]:
        items = client.get("/conversations/search/", {"q": words}, headers=JSON).json()["items"]
        return [item["title"] for item in items]

    assert found(alice_client, "TEA") == ["Tea in 北京", "Old tea"]
    assert found(alice_client, "北京 tea") == ["Tea in 北京"]
    assert found(alice_client, "%") == found(alice_client, "_") == []
    assert found(alice_client, "\0" + "x" * 10_000) == []
    assert len(found(alice_client, "")) == 4
    assert found(bob_client, "tea") == []


@pytest.mark.parametrize("name", ["list", "running", "search", "palette", "selected"])
def test_wrong_methods(alice_client: Client, name: str) -> None:
    wrong = alice_client.get if name == "selected" else alice_client.post
    assert wrong(f"/conversations/{name}/").status_code == 405
