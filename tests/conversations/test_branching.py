"""Any answer can begin a new chat with what came before it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import UsageRecord, User
from conversations import branching, retention, selectors
from conversations.models import Completion, Conversation, Message
from tests.conftest import signed_in
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.conversations.test_costs import grow
from tests.upstream import Script, Upstream


def contents(talk: Talk, conversation: str) -> list[str]:
    shown = talk.client.get(f"/c/{conversation}/", headers=JSON).json()
    return [message["content"] for message in shown["messages"]]


def test_what_leads_to_the_answer_is_copied(talk: Talk, upstream: Upstream, alice: User) -> None:
    upstream.say("First answer")
    first = talk.send("One", temperature=0.5, preset="translator")
    talk.finish(first)
    old = str(first.body["conversation"])
    talk.ask("Two", old)
    reply = talk.post(f"/c/{old}/branch/", {"message": first.body["answer"]})
    assert reply.status == 201
    new = str(reply.body["conversation"])
    assert reply.body["url"] == f"/c/{new}/"
    assert contents(talk, new) == ["One", "First answer"]
    assert len(contents(talk, old)) == 4

    before, made = Conversation.objects.get(pk=old), Conversation.objects.get(pk=new)
    for name in ("owner", "title", "preset", "model", "temperature"):
        assert getattr(made, name) == getattr(before, name)
    talk.ask("Three", new)
    assert contents(talk, new)[2] == "Three"
    assert upstream.chats[-1].body["temperature"] == 0.5
    sent = [message["content"] for message in upstream.chats[-1].body["messages"]]
    assert sent[1:] == ["One", "First answer", "Three"]
    assert contents(talk, old)[2] == "Two"
    # The copy itself has cost nothing.
    assert UsageRecord.objects.count() == 3
    assert_ledger_equals_counters(alice)


def test_the_copied_answer_can_be_regenerated_and_read(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("One")
    answer = talk.finish(first)
    reply = talk.post(f"/c/{first.body['conversation']}/branch/", {"message": first.body["answer"]})
    copied = Completion.objects.get(conversation=reply.body["conversation"])
    text = talk.client.get(f"/completions/{copied.pk}/", headers=JSON).json()["text"]
    assert text == answer.content
    again = talk.post(f"/completions/{copied.pk}/regenerate/")
    assert talk.finish(again).conversation_id == copied.conversation_id
    assert first.answer.conversation.messages.count() == 2


def test_a_form_leads_to_the_new_chat(talk: Talk) -> None:
    first = talk.send("One")
    talk.finish(first)
    url = f"/c/{first.body['conversation']}/branch/"
    response = talk.client.post(url, {"message": first.body["answer"]})
    assert response.status_code == 303
    assert response["Location"] not in {url, f"/c/{first.body['conversation']}/"}
    assert "This is a new chat" in talk.client.get(response["Location"]).content.decode()


def test_a_running_answer_is_refused(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("One",)))
    running = talk.send("Hello")
    reply = talk.post(
        f"/c/{running.body['conversation']}/branch/", {"message": running.body["answer"]}
    )
    assert (reply.status, reply.code) == (409, "not_possible")
    assert "still being written" in reply.body["error"]["message"]
    assert Conversation.objects.count() == 1


def test_bad_input(talk: Talk) -> None:
    first, other = talk.send("One"), talk.send("Elsewhere")
    talk.finish(first)
    talk.finish(other)
    url = f"/c/{first.body['conversation']}/branch/"
    for fields, status in (
        ({}, 400),
        ({"message": "no"}, 400),
        ({"message": other.body["answer"]}, 400),
        ({"message": str(uuid.uuid4())}, 404),
        ({"message": first.body["message"]}, 409),
    ):
        assert talk.post(url, fields).status == status
    assert talk.client.get(url).status_code == 405
    assert Conversation.objects.count() == 2


def test_stranger_gets_404(talk: Talk, bob: User) -> None:
    first = talk.send("One")
    talk.finish(first)
    own = Conversation.objects.create(owner=bob, title="Own")
    theirs = Talk(signed_in(bob))
    fields = {"message": first.body["answer"]}
    assert theirs.client.post(f"/c/{first.body['conversation']}/branch/", fields).status_code == 404
    assert theirs.client.post(f"/c/{own.pk}/branch/", fields).status_code == 404
    assert Conversation.objects.filter(owner=bob).count() == 1


def test_the_cost_is_flat(alice: User, alice_client: Client) -> None:
    counts = []
    for messages in (4, 40):
        long = grow(alice, 0, messages)
        with CaptureQueriesContext(connection) as captured:
            response = alice_client.post(f"/c/{long.pk}/branch/", {"message": long.current_leaf_id})
        assert response.status_code == 303
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 18


@pytest.mark.django_db
def test_a_long_branch_is_copied_whole(alice: User, alice_client: Client) -> None:
    long = grow(alice, 0, 1000)
    alice_client.post(f"/c/{long.pk}/branch/", {"message": long.current_leaf_id})
    made = Conversation.objects.exclude(pk=long.pk).get()
    assert made.messages.count() == 1000
    assert made.current_leaf is not None
    assert made.current_leaf.content == "Message 999"


def test_a_branch_is_copied_a_few_messages_at_a_time(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the one writer of SQLite is never held for long."""
    monkeypatch.setattr(branching, "AT_ONCE", 10)
    long = grow(alice, 0, 44)
    with CaptureQueriesContext(connection) as captured:
        made = alice_client.post(
            f"/c/{long.pk}/branch/", {"message": long.current_leaf_id}, headers=JSON
        )
    rows = [query["sql"].count("Message ") for query in captured if "INSERT" in query["sql"]]
    assert max(rows) == 10
    copied = Conversation.objects.get(pk=made.json()["conversation"])
    assert copied.deleted_at is None
    assert [message.content for message in selectors.transcript(copied).messages] == [
        f"Message {number}" for number in range(44)
    ]
    assert copied.completions.count() == 22


def test_nobody_fills_the_disk_with_copies(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been copied of a branch that is refused halfway is never shown, and purged."""
    long = grow(alice, 0, 40)
    row = branching.A_ROW
    size = row + len("{}") + sum(len(message.content) + row for message in long.messages.all())
    monkeypatch.setattr(branching, "MOST_A_DAY", 3 * size - 1)
    monkeypatch.setattr(branching, "AT_ONCE", 30)
    url, fields = f"/c/{long.pk}/branch/", {"message": long.current_leaf_id}
    statuses = [alice_client.post(url, fields, headers=JSON).status_code for _ in range(3)]
    assert statuses == [201, 201, 409]
    assert Conversation.objects.filter(deleted_at=None).count() == 3
    assert Conversation.objects.count() == 4
    assert retention.purge_deleted(timezone.now() + timedelta(minutes=11)) == 1
    assert Message.objects.count() == 3 * 40


def test_short_messages_count_for_more_than_their_text(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither rows nor what a role's variables stand for are copied without an end."""
    monkeypatch.setattr(branching, "MOST_A_DAY", 100_000)
    short = grow(alice, 0, 2)
    fields = {"message": short.current_leaf_id}
    statuses = [
        alice_client.post(f"/c/{short.pk}/branch/", fields, headers=JSON).status_code
        for _ in range(40)
    ]
    assert (statuses[0], statuses[-1]) == (201, 409)
    cache.clear()
    short.preset_variables = {"topic": "x" * 60_000}
    short.save()
    statuses = [
        alice_client.post(f"/c/{short.pk}/branch/", fields, headers=JSON).status_code
        for _ in range(2)
    ]
    assert statuses == [201, 409]
