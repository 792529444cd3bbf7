"""Deleting: gone at once for everyone, back by Undo, gone for good after ten minutes."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Reservation, User
from conversations import retention
from conversations.models import Conversation, Message
from tests.conversations.clocks import trust_the_clock
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.upstream import Script, Upstream


@pytest.fixture
def kept(alice: User) -> Conversation:
    """One of Alice's, with a message."""
    conversation = Conversation.objects.create(owner=alice, title="Hot drinks")
    conversation.current_leaf = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content="Tea?"
    )
    conversation.save()
    return conversation


def test_deleted_is_missing_until_it_is_restored(alice_client: Client, kept: Conversation) -> None:
    assert alice_client.post(f"/c/{kept.pk}/delete/", headers=JSON).status_code == 204
    assert alice_client.get(f"/c/{kept.pk}/").status_code == 404
    assert alice_client.post(f"/c/{kept.pk}/rename/", {"title": "x"}).status_code == 404
    assert b"Hot drinks" not in alice_client.get("/").content
    assert b"You have 0 conversations" in alice_client.get("/conversations/delete-all/").content
    back = alice_client.post(f"/c/{kept.pk}/restore/", headers=JSON)
    assert (back.status_code, back.json()) == (200, {"conversation": str(kept.pk)})
    assert b"Tea?" in alice_client.get(f"/c/{kept.pk}/").content
    again = alice_client.post(f"/c/{kept.pk}/restore/")
    assert (again.status_code, again["Location"]) == (303, f"/c/{kept.pk}/")


def test_a_form_leads_to_a_notice_with_undo(alice_client: Client, kept: Conversation) -> None:
    assert alice_client.post(f"/c/{kept.pk}/delete/").status_code == 303
    page = alice_client.get("/").content.decode()
    assert "The conversation has been deleted." in page
    assert f'<form method="post" action="/c/{kept.pk}/restore/">' in page
    assert "/restore/" not in alice_client.get("/").content.decode()


def test_a_program_may_want_the_notice(alice_client: Client, kept: Conversation) -> None:
    for body, is_said in (({}, False), ({"notice": True}, True)):
        url = f"/c/{kept.pk}/delete/"
        reply = alice_client.post(url, body, content_type="application/json", headers=JSON)
        assert reply.status_code == 204
        assert (b"/restore/" in alice_client.get("/").content) is is_said
        Conversation.objects.update(deleted_at=None)
    reply = alice_client.post(url, "{", content_type="application/json", headers=JSON)
    assert reply.status_code == 400
    assert Conversation.objects.get().deleted_at is None


def test_stranger_can_neither_delete_nor_restore(bob_client: Client, kept: Conversation) -> None:
    assert bob_client.post(f"/c/{kept.pk}/delete/").status_code == 404
    Conversation.objects.update(deleted_at=timezone.now())
    assert bob_client.post(f"/c/{kept.pk}/restore/").status_code == 404
    moment = Conversation.objects.get().deleted_at
    assert moment is not None
    url = f"/conversations/restore/?deleted_at={moment.isoformat().replace('+', '%2B')}"
    assert bob_client.post(url, headers=JSON).json() == {"restored": 0}


@pytest.mark.parametrize("action", ["delete", "restore"])
def test_only_post_deletes_and_restores(
    alice_client: Client, kept: Conversation, action: str
) -> None:
    assert alice_client.get(f"/c/{kept.pk}/{action}/").status_code == 405
    assert alice_client.get(f"/c/{uuid.uuid4()}/{action}/").status_code == 405


def test_delete_all_is_taken_back_together(alice_client: Client, alice: User) -> None:
    earlier = Conversation.objects.create(
        owner=alice, title="Earlier", deleted_at=timezone.now() - timedelta(minutes=1)
    )
    Conversation.objects.bulk_create(Conversation(owner=alice, title="x") for _ in range(3))
    undo = alice_client.post("/conversations/delete-all/", headers=JSON).json()["undo"]
    assert not Conversation.objects.filter(deleted_at=None).exists()
    assert alice_client.post(undo, headers=JSON).json() == {"restored": 3}
    assert [row.pk for row in Conversation.objects.exclude(deleted_at=None)] == [earlier.pk]


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_odd_moments_are_refused(alice_client: Client, moment: str) -> None:
    url = f"/conversations/restore/?deleted_at={moment}"
    refused = alice_client.post(url, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_parameter")


def test_a_running_answer_is_stopped_and_paid_and_comes_back(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    upstream.play(Script("stall", ("One",)))
    sent = talk.send("Hello")
    assert next(talk.events(sent, format="text")).data["text"] == "One"
    url = f"/c/{sent.body['conversation']}/"
    assert talk.post(f"{url}delete/").status == 204
    assert upstream.chats[-1].wait_closed(2)
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
    assert talk.post(f"{url}restore/").status == 200
    assert sent.answer.status == "stopped"
    assert talk.ask("Go on", sent.body["conversation"]).status == "complete"


def test_sending_what_was_sent_into_a_deleted_one(talk: Talk) -> None:
    fields = {"content": "Hello", "client_id": str(uuid.uuid4())}
    sent = talk.post("/c/", fields)
    talk.finish(sent)
    talk.post(f"{sent.body['url']}delete/")
    again = talk.post("/c/", fields)
    assert (again.status, again.code) == (409, "not_possible")


def test_purged_with_all_messages_after_ten_minutes(alice: User, kept: Conversation) -> None:
    now = timezone.now()
    other = Conversation.objects.create(owner=alice, title="Still there")
    Message.objects.create(conversation=other, owner=alice, role="user", content="Yes")
    Conversation.objects.filter(pk=kept.pk).update(deleted_at=now)
    assert retention.purge_deleted(now + timedelta(minutes=9)) == 0
    assert retention.purge_deleted(now + timedelta(minutes=11)) == 1
    assert Conversation.objects.get() == other
    assert Message.objects.get().content == "Yes"


def test_only_a_few_are_purged_at_once(alice: User) -> None:
    old = timezone.now() - timedelta(hours=1)
    Conversation.objects.bulk_create(Conversation(owner=alice, deleted_at=old) for _ in range(25))
    assert retention.purge_deleted(timezone.now()) == retention.PURGED_AT_ONCE
    trust_the_clock(timezone.now())
    output = StringIO()
    call_command("housekeeping", stdout=output)
    assert output.getvalue() == "conversations 15\n"
    assert not Conversation.objects.exists()


def test_the_bin_is_found_by_its_index(alice: User) -> None:
    rows = Conversation.objects.filter(deleted_at__lt=timezone.now()).order_by("deleted_at")
    assert "deleted_conversations" in rows.values_list("pk")[:5].explain()
