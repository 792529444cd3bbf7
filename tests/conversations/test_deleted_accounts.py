"""An account that is suspended or deleted: what runs is paid for, and what it shared stays with those who use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.test import Client

from accounts import quotas
from accounts.models import Reservation, UsagePeriod, User
from conversations import presets, runtime
from conversations.models import Conversation, RolePreset
from tests.accounts.test_admin import act
from tests.at_once import at_once
from tests.conftest import make_user, signed_in
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters, record_of
from tests.processes import wait_for
from tests.upstream import Script, Upstream

Delete = Callable[[User], None]


@pytest.fixture(params=["page", "action"])
def delete(request: pytest.FixtureRequest, transactional_db: None) -> Delete:
    """As an administrator does, one person or the selected ones."""
    client = signed_in(make_user("sasha", superuser=True))

    def one(user: User) -> None:
        address = f"/admin/accounts/user/{user.pk}/delete/"
        assert client.post(address, {"post": "yes"}).status_code == 302

    def selected(user: User) -> None:
        data = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        assert client.post("/admin/accounts/user/", data).status_code == 302

    return one if request.param == "page" else selected


def test_what_a_deleted_account_shared_stays_with_its_users(
    talk: Talk, upstream: Upstream, alice: User, bob: User, delete: Delete
) -> None:
    shared = RolePreset(owner=bob, name="Tutor", instruction="Teach. Ask first.", shared=True)
    presets.save_preset(shared)
    first = talk.send("Begin", preset=str(shared.pk))
    talk.finish(first)
    delete(bob)
    copy = RolePreset.objects.get(owner=alice)
    assert (copy.name, copy.instruction, copy.shared) == ("Tutor", "Teach. Ask first.", False)
    assert Conversation.objects.get(owner=alice).preset == copy
    talk.ask("Go on", str(first.body["conversation"]))
    assert upstream.chats[-1].body["messages"][0]["content"] == "Teach. Ask first."


def test_deleted_while_an_answer_runs(
    talk: Talk, upstream: Upstream, alice: User, delete: Delete
) -> None:
    upstream.play(Script("stall", ("One two three",)))
    reply = talk.send("Count")
    events = talk.events(reply, format="text")
    assert next(events).data["text"] == "One two three"
    row = reply.completion
    delete(alice)
    assert upstream.chats[-1].wait_closed(2)
    assert [event.name for event in events][-1] == "end"
    assert not Reservation.objects.exists()
    assert not UsagePeriod.objects.exists()
    record = record_of(row)
    assert (record.user, record.outcome, record.requests) == (None, "stopped", 1)
    assert record.tokens_out > 0
    assert talk.client.get("/", headers=JSON).status_code == 401


def test_suspended_while_an_answer_runs(
    talk: Talk, upstream: Upstream, alice: User, sasha: User
) -> None:
    """It is finished and paid for; whoever was suspended reads none of it."""
    upstream.play(Script("gated", ("One", " two")))
    reply = talk.send("Count")
    act(signed_in(sasha), "accounts/user", "suspend", alice)
    assert talk.client.get(reply.body["events"]).status_code == 401
    upstream.release()
    wait_for(lambda: not Reservation.objects.exists(), what="the answer settled")
    assert (reply.completion.status, reply.answer.content) == ("complete", "One two")
    assert_ledger_equals_counters(alice)


def test_deleted_while_sending(talk: Talk, alice: User, delete: Delete) -> None:
    """Neither waits for the other in a circle; whoever comes too late is refused."""
    kept = [talk.send(f"Number {number}") for number in range(3)]
    for reply in kept:
        talk.finish(reply)
    people = [signed_in(alice) for _ in range(9)]
    targets = [str(reply.body["conversation"]) for reply in kept] + [None] * 6

    def send(client: Client, conversation: str | None) -> int:
        return Talk(client).send("More", conversation).status

    sends = [partial(send, *pair) for pair in zip(people, targets, strict=True)]
    *statuses, _deleted = at_once(*sends, partial(delete, alice))
    assert set(statuses) <= {201, 401, 404, 409}
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Reservation.objects.exists()
    assert not Conversation.objects.exists()
    wait_for(lambda: not runtime.engine().runs, what="every answer ended")


def test_deleted_between_being_known_and_writing(
    talk: Talk, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits_of = quotas.limits_of

    def known_and_deleted(user: User) -> quotas.Limits:
        User.objects.filter(pk=user.pk).delete()
        return limits_of(user)

    monkeypatch.setattr(quotas, "limits_of", known_and_deleted)
    reply = talk.send("Hello")
    assert (reply.status, reply.code) == (409, "not_possible")
    assert not Reservation.objects.exists()
    assert talk.send("Hello").status == 401
