"""What has been deleted is listed below all conversations, with the way back, until it goes for good."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from conversations import branching, listing, retention
from conversations.models import Conversation, Message
from tests.conversations.talk import JSON
from tests.conversations.test_costs import grow

URL = "/conversations/"
ALL = "/conversations/restore-all/"
ROW = re.compile(
    r'<li>\s*<span class="overview-title"[^>]*>([^<]*)</span>.*?>(\d+) min left<', re.S
)


def deleted(owner: User, *titles: str, minutes_ago: float = 1) -> list[Conversation]:
    """Conversations of a message each; the first named was deleted last."""
    then = timezone.now() - timedelta(minutes=minutes_ago)
    made = Conversation.objects.bulk_create(
        Conversation(owner=owner, title=title, deleted_at=then - timedelta(seconds=number))
        for number, title in enumerate(titles)
    )
    for conversation in made:
        conversation.current_leaf = Message.objects.create(
            conversation=conversation, owner=owner, role="user", content="Tea?"
        )
    Conversation.objects.bulk_update(made, ["current_leaf"])
    return made


def rows(client: Client, url: str = URL) -> list[tuple[str, int]]:
    """Each title with the minutes that are left."""
    page = client.get(url).content.decode()
    return [(title, int(minutes)) for title, minutes in ROW.findall(page)]


def test_newest_first_with_what_is_left(alice_client: Client, alice: User) -> None:
    deleted(alice, "Old", minutes_ago=9.5)
    deleted(alice, "Hot drinks", "Cold drinks", minutes_ago=1.5)
    deleted(alice, "", minutes_ago=0)
    expected = [("Untitled", 10), ("Hot drinks", 9), ("Cold drinks", 9), ("Old", 1)]
    assert rows(alice_client) == expected


@pytest.mark.parametrize("query", ["?q=nothing+like+this", "?archived=1"])
def test_whatever_else_is_shown(alice_client: Client, alice: User, query: str) -> None:
    deleted(alice, "Hot drinks")
    assert [title for title, _left in rows(alice_client, URL + query)] == ["Hot drinks"]


def test_nothing_to_restore_is_no_section(alice_client: Client, alice: User, bob: User) -> None:
    """What is there, what is over and what somebody else deleted does not count."""
    Conversation.objects.filter(pk__in=[row.pk for row in deleted(alice, "There")]).update(
        deleted_at=None
    )
    deleted(alice, "Gone", minutes_ago=10.1)
    deleted(bob, "Bob's")
    page = alice_client.get(URL).content.decode()
    assert "Recently deleted" not in page
    assert "Gone" not in page
    assert "Bob" not in page


def test_a_half_made_branch_is_not_listed(
    alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits in the bin until it is whole, or to be purged. Nobody has deleted it."""
    long = grow(alice, 0, 40)
    monkeypatch.setattr(branching, "MOST_A_DAY", 30 * branching.A_ROW)
    monkeypatch.setattr(branching, "AT_ONCE", 10)
    fields = {"message": long.current_leaf_id}
    assert alice_client.post(f"/c/{long.pk}/branch/", fields).status_code == 409
    assert Conversation.objects.exclude(deleted_at=None).get().messages.exists()
    assert "Recently deleted" not in alice_client.get(URL).content.decode()
    assert alice_client.post(ALL, headers=JSON).json() == {"restored": 0}
    assert Conversation.objects.filter(deleted_at=None).get() == long


def test_a_form_restores_one_and_leads_back(alice_client: Client, alice: User) -> None:
    tea, cocoa = deleted(alice, "Tea", "Cocoa")
    url = f"/c/{tea.pk}/restore/"
    assert f'formaction="{url}"' in alice_client.get(f"{URL}?q=x").content.decode()
    reply = alice_client.post(url, {"next": "?q=x"})
    assert (reply.status_code, reply["Location"]) == (303, f"{URL}?q=x")
    page = alice_client.get(URL).content.decode()
    assert "The conversation has been restored." in page
    assert f'href="/c/{tea.pk}/"' in page
    assert [title for title, _left in rows(alice_client)] == ["Cocoa"]
    assert alice_client.post(url, {"next": "//evil.example/"})["Location"] == URL
    Conversation.objects.filter(pk=cocoa.pk).delete()
    assert alice_client.post(f"/c/{cocoa.pk}/restore/", {"next": "?"}).status_code == 404


def test_all_are_restored_together(alice_client: Client, alice: User, bob: User) -> None:
    deleted(alice, "One", "Two", "Three")
    over = deleted(alice, "Over", minutes_ago=11)
    theirs = deleted(bob, "Bob's")
    reply = alice_client.post(ALL, {"next": "?archived=1"})
    assert (reply.status_code, reply["Location"]) == (303, f"{URL}?archived=1")
    assert "3 conversations have been restored." in alice_client.get(URL).content.decode()
    assert {*Conversation.objects.exclude(deleted_at=None)} == {*over, *theirs}
    assert alice_client.post(ALL, headers=JSON).json() == {"restored": 0}
    assert alice_client.get(ALL).status_code == 405


def test_one_alone_needs_no_button_for_all(alice_client: Client, alice: User) -> None:
    deleted(alice, "One")
    assert "Restore all" not in alice_client.get(URL).content.decode()
    deleted(alice, "Two")
    assert "Restore all" in alice_client.get(URL).content.decode()


def test_stranger_sees_and_restores_nothing(bob_client: Client, alice: User) -> None:
    (kept,) = deleted(alice, "Hot drinks")
    assert rows(bob_client) == []
    assert bob_client.post(f"/c/{kept.pk}/restore/", {"next": "?"}).status_code == 404
    assert bob_client.post(ALL, headers=JSON).json() == {"restored": 0}
    assert Conversation.objects.get().deleted_at is not None


def test_anonymous_is_sent_to_sign_in(client: Client, db: None) -> None:
    for reply in (client.get(URL), client.post(ALL)):
        assert reply["Location"].startswith("/accounts/login/")


def test_only_the_newest_are_listed(
    alice_client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ROWS_OF_THE_BIN", 2)
    deleted(alice, "One", "Two")
    assert "Earlier ones are not shown" not in alice_client.get(URL).content.decode()
    deleted(alice, "Zero", minutes_ago=0)
    assert "Earlier ones are not shown" in alice_client.get(URL).content.decode()
    assert [title for title, _left in rows(alice_client)] == ["Zero", "One"]


def test_the_page_costs_the_same_for_three_and_for_thirty(
    alice_client: Client, alice: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alice_client.get(URL).status_code == 200
        return len(captured)

    deleted(alice, *map(str, range(3)))
    few = queries()
    deleted(alice, *map(str, range(27)))
    assert len(rows(alice_client)) == 30
    assert queries() == few <= 8


def test_one_persons_bin_is_found_by_its_index(alice: User) -> None:
    """And not among all that this person ever wrote."""
    found = listing.deleted_of(alice, now=timezone.now())
    assert "deleted_by_owner" in found.values_list("pk")[:5].explain()


def test_what_is_listed_is_what_is_kept(alice: User) -> None:
    """To the second: what can still be seen there is not purged."""
    deleted(alice, "Hot drinks", minutes_ago=0)
    moment = Conversation.objects.get().deleted_at
    assert moment is not None
    for seconds, is_kept in ((599.9, True), (600, False)):
        now = moment + timedelta(seconds=seconds)
        assert listing.deleted_of(alice, now=now).exists() is is_kept
        assert retention.purge_deleted(now) == 0
    assert retention.purge_deleted(moment + timedelta(seconds=600.1)) == 1


def test_the_question_before_deleting_all_says_where(alice_client: Client) -> None:
    page = alice_client.get("/conversations/delete-all/").content.decode()
    assert f'<a href="{URL}">Organize conversations</a>' in page
