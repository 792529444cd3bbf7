"""What somebody tries who wants the site to fall over, to pay for nothing, or to tell what is not theirs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from conversations import completion
from conversations.models import Conversation
from conversations.views import stream
from tests.conftest import signed_in
from tests.conversations.talk import (
    JSON,
    Talk,
    assert_ledger_equals_counters,
    record_of,
)
from tests.upstream import Script, Upstream


@pytest.mark.parametrize(
    "older",
    [
        "2020-13-45T10:00:00",
        "2020-01-01T25:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2020-01-01T00:00:00",
        "\x00",
    ],
)
def test_a_moment_that_there_never_was(alice_client: Client, older: str) -> None:
    assert alice_client.get("/", {"older": older}).status_code == 200


@pytest.mark.parametrize("thinks", [False, True])
def test_deleting_does_not_save_what_has_been_read(
    talk: Talk, upstream: Upstream, alice: User, thinks: bool
) -> None:
    options = {"thinks": "1"} if thinks else {}
    upstream.play(Script("stall", ("One two three",), options))
    reply = talk.send("Count to three")
    events = talk.events(reply, format="text")
    assert next(events).name == ("reasoning" if thinks else "delta")
    row = reply.completion
    talk.client.post(f"/c/{reply.body['conversation']}/delete/")
    record = record_of(row)
    assert record.tokens_in > 0
    assert record.tokens_out > 0
    assert_ledger_equals_counters(alice)
    events.close()


def test_an_answer_without_an_end_is_ended(
    talk: Talk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, alice: User
) -> None:
    monkeypatch.setattr(completion, "MOST_TEXT", 500)
    upstream.play(Script.parse("slow tokens=100000 rate=5000"))
    answer = talk.ask("Never stop")
    assert (answer.status, answer.error_code) == ("failed", "upstream_malformed")
    assert 500 < len(answer.content) < 200_000
    assert upstream.chats[-1].wait_closed()
    assert_ledger_equals_counters(alice)


def test_a_signed_out_session_reads_no_further(
    talk: Talk, upstream: Upstream, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)
    upstream.play(Script("gated", ("One", " two", " three", " four", " five")))
    elsewhere = Talk(signed_in(alice))
    reply = talk.send("Count")
    theirs, mine = elsewhere.events(reply, format="text"), talk.events(reply, format="text")
    assert (next(theirs).name, next(mine).name) == ("delta", "delta")
    elsewhere.client.logout()
    upstream.release(4)
    assert "end" not in [event.name for event in theirs]
    assert [event.name for event in mine][-1] == "end"


def test_nobody_holds_all_connections_with_streams(
    talk: Talk, upstream: Upstream, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_OPEN", 2)
    upstream.play(Script("gated", ("One", " two")), Script("gated", ("Un", " deux")))
    bobs = Talk(signed_in(bob))
    reply, theirs = talk.send("Count"), bobs.send("Compte")
    streams = [talk.events(reply, format="text") for _ in range(2)]
    assert [next(events).name for events in streams] == ["delta", "delta"]
    refused = talk.client.get(reply.body["events"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_streams")
    assert int(refused["Retry-After"]) > 0
    read = bobs.events(theirs, format="text")
    assert next(read).name == "delta"
    upstream.release(2)
    for events in (*streams, read):
        assert [event.name for event in events][-1] == "end"
    assert talk.client.get(reply.body["events"]).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/admin/conversations/conversation/?title__startswith=a",
        "/admin/conversations/conversation/?messages__content__contains=a",
        "/admin/accounts/user/?custom_instructions__contains=a",
        "/admin/accounts/user/?password__startswith=a",
    ],
)
def test_staff_cannot_ask_the_lists_what_people_wrote(alice: User, bob: User, address: str) -> None:
    Conversation.objects.create(owner=alice, title="a secret")
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = signed_in(bob)
    assert client.get(address.partition("?")[0]).status_code == 200
    assert client.get(address, headers=JSON).status_code == 400
