"""What people do with their conversations: delete, choose, switch branches, look back, and begin as they like."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from django.test import Client

from accounts.models import Reservation, User
from conversations import deletion
from conversations.models import ChatModel, Completion, Conversation, Message
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.upstream import Script, Upstream


def test_delete_all_takes_ones_own_and_ends_what_runs(
    talk: Talk, upstream: Upstream, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "DELETED_AT_ONCE", 2)
    theirs = Talk(signed_in(bob))
    theirs.ask("Mine stays")
    for number in range(4):
        talk.ask(f"Number {number}")
    upstream.play(Script("stall", ("One",)))
    running = talk.send("And one that runs")
    assert talk.post("/conversations/delete-all/").body["deleted"] == 5
    assert upstream.chats[-1].wait_closed(2)
    assert [row.owner_id for row in Conversation.objects.filter(deleted_at=None)] == [bob.pk]
    assert talk.client.get(running.body["url"]).status_code == 404
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_delete_all_while_sending(talk: Talk, alice: User) -> None:
    """Neither waits for the other in a circle; a send into what is gone says so."""
    kept = [talk.send(f"Number {number}") for number in range(6)]
    for reply in kept:
        talk.finish(reply)

    def send(conversation: str) -> int:
        return Talk(signed_in(alice)).send("More", conversation).status

    def delete() -> int:
        return Talk(signed_in(alice)).post("/conversations/delete-all/").status

    targets = [str(reply.body["conversation"]) for reply in kept]
    deleting, *sends = at_once(delete, *(partial(send, target) for target in targets))
    assert deleting == 200
    assert set(sends) <= {201, 404, 409}


def test_settings_are_kept_for_what_follows(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    conversation = str(first.body["conversation"])
    chosen = {"preset": "translator", "temperature": 0.5}
    assert talk.post(f"/c/{conversation}/settings/", chosen).status == 200
    talk.ask("Again", conversation)
    assert upstream.chats[-1].body["temperature"] == 0.5
    assert upstream.chats[-1].body["messages"][0]["role"] == "system"
    wrong = talk.post(f"/c/{conversation}/settings/", {"preset": "nobody", "temperature": 1})
    assert (wrong.status, wrong.code) == (400, "invalid_parameter")
    assert Conversation.objects.get(pk=conversation).temperature == 0.5


def test_switching_to_another_branch(talk: Talk, upstream: Upstream) -> None:
    upstream.say("First")
    first = talk.send("Hello")
    talk.finish(first)
    conversation = str(first.body["conversation"])
    upstream.say("Second")
    second = talk.post(f"/completions/{first.body['completion']}/regenerate/")
    talk.finish(second)
    switch = {"message": first.body["answer"]}
    assert talk.post(f"/c/{conversation}/leaf/", switch).status == 200
    shown = talk.client.get(f"/c/{conversation}/", headers=JSON).json()
    assert [message["content"] for message in shown["messages"]] == ["Hello", "First"]
    elsewhere = talk.send("Elsewhere")
    talk.finish(elsewhere)
    wrong = talk.post(f"/c/{conversation}/leaf/", {"message": elsewhere.body["answer"]})
    assert (wrong.status, wrong.code) == (400, "invalid_parameter")


def test_programs_can_read_the_whole_branch(talk: Talk) -> None:
    conversation = str(talk.send("Hello").body["conversation"])
    Completion.objects.all().update(status="complete")
    Message.objects.filter(role="assistant").update(status="complete")
    leaf = Conversation.objects.get(pk=conversation).current_leaf
    assert leaf is not None
    for number in range(60):
        leaf = Message.objects.create(
            conversation_id=conversation,
            owner=leaf.owner,
            parent=leaf,
            role="user" if number % 2 == 0 else "assistant",
            content=str(number),
        )
    Conversation.objects.filter(pk=conversation).update(current_leaf=leaf)
    url, seen = f"/c/{conversation}/", 0
    query: dict[str, str] = {}
    while True:
        page = talk.client.get(url, query, headers=JSON).json()
        seen += len(page["messages"])
        if page["older"] is None:
            break
        query = {"before": page["older"]}
    assert seen == 62


def test_new_chats_begin_with_ones_defaults(
    talk: Talk, upstream: Upstream, chat_model: ChatModel
) -> None:
    other = ChatModel.objects.create(endpoint=chat_model.endpoint, name="other")
    choice = {"default_model": other.name, "default_preset": "translator"}
    assert talk.client.post("/presets/", choice).status_code == 303
    talk.ask("Hello")
    assert upstream.chats[-1].body["model"] == "other"
    assert upstream.chats[-1].body["messages"][0]["role"] == "system"
    unknown = talk.client.post("/presets/", {"default_model": "none"}, headers=JSON)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "model_unknown")


@pytest.mark.parametrize(
    "older", ["2026-13-45T99:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00"]
)
def test_odd_places_to_look_back_to(alice_client: Client, older: str) -> None:
    assert alice_client.get("/", {"older": older}).status_code == 200


def test_only_get_opens_a_stream(alice_client: Client) -> None:
    url = f"/completions/{uuid.uuid4()}/events/"
    for method in (alice_client.post, alice_client.head):
        response = method(url)
        assert (response.status_code, response["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("\r\n  \r\n  Plan a trip  \r\nto Rome", "Plan a trip"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "…"),
        ("猫" * 100, "猫" * 80 + "…"),
        ("\u202eevil\u200b", "evil"),
        ("\u200b", "New chat"),
    ],
)
def test_the_title_is_the_first_line_and_costs_no_call(
    talk: Talk, upstream: Upstream, content: str, title: str
) -> None:
    reply = talk.send(content)
    talk.finish(reply)
    assert Conversation.objects.get(pk=reply.body["conversation"]).title == title
    assert len(upstream.chats) == 1
