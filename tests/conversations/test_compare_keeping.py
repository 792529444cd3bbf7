"""Of several answers to one question one is kept."""

from __future__ import annotations

from functools import partial

import pytest

from accounts.models import Plan, Reservation, User
from conversations.models import Message
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.comparing import NAMES, begun, compare, finish, keep, shown
from tests.conversations.talk import Talk, assert_ledger_equals_counters
from tests.upstream import Upstream

pytestmark = pytest.mark.usefixtures("more_models")


def test_one_is_kept_and_the_others_become_its_versions(talk: Talk, upstream: Upstream) -> None:
    conversation, (first, second, third) = compare(talk, *NAMES)
    keep(talk, conversation, second)
    body = shown(talk, conversation)
    assert body["comparison"] == []
    assert body["model"] == "second"
    assert body["messages"][-1]["id"] == str(second.pk)
    assert body["messages"][-1]["siblings"] == [str(one.pk) for one in (first, second, third)]
    assert not Message.objects.exclude(comparison=None).exists()
    talk.ask("And now?", conversation)
    assert upstream.chats[-1].body["model"] == "second"
    assert upstream.chats[-1].body["messages"][1]["content"] == second.content
    keep(talk, conversation, third)
    assert shown(talk, conversation)["model"] == "second"


def test_a_message_follows_the_first_and_thereby_keeps_it(talk: Talk) -> None:
    conversation, (first, _second) = compare(talk, "second", "fake")
    talk.ask("And now?", conversation)
    body = shown(talk, conversation)
    assert [message["id"] for message in body["messages"]][1] == str(first.pk)
    assert not Message.objects.exclude(comparison=None).exists()


def test_a_message_after_a_named_one_keeps_that(talk: Talk) -> None:
    conversation, (_first, second) = compare(talk, "fake", "second")
    talk.ask("And now?", conversation, parent=str(second.pk))
    assert shown(talk, conversation)["messages"][1]["id"] == str(second.pk)
    assert not Message.objects.exclude(comparison=None).exists()


def test_a_refused_message_decides_nothing(talk: Talk, alice: User) -> None:
    plan = Plan.objects.create(name="Two", requests_per_day=2)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    conversation, _answers = compare(talk, "fake", "second")
    assert talk.send("And now?", conversation).status == 429
    assert len(shown(talk, conversation)["comparison"]) == 2


def test_keeping_one_stops_the_others(talk: Talk, alice: User) -> None:
    reply = talk.send("Which?", model=["fake/stall", "fake"])
    stalling, complete = begun(reply)
    kept = finish(talk, complete)
    keep(talk, str(reply.body["conversation"]), kept)
    assert finish(talk, stalling).status == "stopped"
    assert_ledger_equals_counters(alice)


def test_keeping_while_all_of_them_are_written(talk: Talk, upstream: Upstream) -> None:
    """The one that is kept goes on; checkpoints and keeping do not wait for each other in a circle."""
    for _round in range(3):
        reply = talk.send("Which?", model=["fake/gated", "fake/stall", "fake"])
        answers = begun(reply)
        kept = Message.objects.get(pk=answers[0]["answer"])
        keep(talk, str(reply.body["conversation"]), kept)
        upstream.release(100)
        assert finish(talk, answers[0]).status == "complete"
        assert finish(talk, answers[1]).status == "stopped"


def test_keeping_while_the_conversation_is_deleted(talk: Talk, alice: User) -> None:
    """Whoever comes second is refused; each answer is ended and paid for."""
    other = Talk(signed_in(alice))

    for _round in range(3):
        reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
        url, chosen = str(reply.body["url"]), {"message": str(reply.body["answer"])}
        kept, deleted = at_once(
            partial(other.post, f"{url}leaf/", chosen), partial(talk.post, f"{url}delete/")
        )
        assert deleted.status == 204
        assert kept.status in {200, 404, 409}
        assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_editing_the_question_and_coming_back(talk: Talk) -> None:
    conversation, (first, second) = compare(talk, "second", "fake")
    talk.ask("What?", conversation, edit=str(first.parent_id))
    assert shown(talk, conversation)["comparison"] == []
    talk.post(f"/c/{conversation}/leaf/", {"message": str(first.parent_id)})
    body = shown(talk, conversation)
    assert [answer["id"] for answer in body["comparison"]] == [str(first.pk), str(second.pk)]
    assert body["leaf"] == str(first.pk)
