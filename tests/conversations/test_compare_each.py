"""Of several answers to one question each ends, is asked for again and goes on by itself; or all are ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Reservation, User
from conversations import completion, runtime
from conversations.models import Completion, Conversation, Message
from tests.conftest import signed_in
from tests.conversations.comparing import begun, finish, shown
from tests.conversations.talk import Reply, Talk, assert_ledger_equals_counters, parse, record_of
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.usefixtures("more_models")


# --- One of them again -----------------------------------------------------------------------------------------------


def test_another_attempt_takes_its_place(talk: Talk, upstream: Upstream) -> None:
    reply = talk.send("Which?", model=["fake/401", "fake/stall"])
    failing, stalling = begun(reply)
    finish(talk, failing)
    again = talk.post(f"/completions/{failing['completion']}/regenerate/")
    assert again.status == 201
    assert again.completion.model_name == "fake/401"
    talk.finish(again)
    conversation = str(reply.body["conversation"])
    body = shown(talk, conversation)
    assert [one["id"] for one in body["comparison"]] == [again.body["answer"], stalling["answer"]]
    assert body["leaf"] == again.body["answer"]
    twice = talk.post(f"/completions/{failing['completion']}/regenerate/")
    assert (twice.status, twice.code) == (409, "answer_running")
    running = talk.post(f"/completions/{stalling['completion']}/regenerate/")
    assert (running.status, running.code) == (409, "answer_running")
    talk.post(stalling["stop"])
    finish(talk, stalling)
    second = talk.post(f"/completions/{stalling['completion']}/regenerate/", {"model": "second"})
    talk.finish(second)
    assert shown(talk, conversation)["leaf"] == again.body["answer"]
    assert shown(talk, conversation)["model"] == "fake/401"


def test_one_is_continued_while_another_runs(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("Half",)))
    first = talk.send("Which?", model=["second", "fake/stall"])
    stopped, running = begun(first)
    if Message.objects.get(pk=stopped["answer"]).completions.get().model_name != "second":
        stopped, running = running, stopped
    events = parse(iter(talk.client.get(stopped["events"], {"format": "text"})))
    assert next(events).name == "delta"
    talk.post(stopped["stop"])
    assert finish(talk, stopped).status == "stopped"
    upstream.say(" and whole")
    more = talk.post(f"/completions/{stopped['completion']}/continue/")
    assert talk.finish(more).status == "complete"
    assert upstream.chats[-1].body["model"] == "second"
    assert shown(talk, str(first.body["conversation"]))["leaf"] == first.body["answer"]
    assert Message.objects.get(pk=running["answer"]).status == "running"
    talk.post(running["stop"])


def test_one_fails_one_is_stopped_one_is_complete(talk: Talk, alice: User) -> None:
    reply = talk.send("Which?", model=["fake/401", "fake/stall", "fake"])
    failing, stalling, complete = begun(reply)
    assert finish(talk, failing).status == "failed"
    assert finish(talk, complete).status == "complete"
    talk.post(stalling["stop"])
    assert finish(talk, stalling).status == "stopped"
    rows = [
        record_of(Completion.objects.get(pk=one["completion"]))
        for one in (failing, stalling, complete)
    ]
    assert [row.requests for row in rows] == [0, 1, 1]
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_one_request_stops_all(talk: Talk, alice: User, bob: User) -> None:
    reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
    url = f"/c/{reply.body['conversation']}/stop/"
    assert Talk(signed_in(bob)).client.post(url).status_code == 404
    for _twice in range(2):
        assert talk.post(url).status == 202
    assert {finish(talk, answer).status for answer in begun(reply)} == {"stopped"}
    assert talk.client.post(url)["Location"] == f"/c/{reply.body['conversation']}/"
    assert_ledger_equals_counters(alice)


# --- What happens to all answers -------------------------------------------------------------------------------------


@pytest.fixture
def running(talk: Talk) -> Iterator[Reply]:
    reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
    yield reply
    runtime.shut_down_thread()


def test_the_reaper_ends_each(talk: Talk, alice: User, running: Reply) -> None:
    later = timezone.now() + timedelta(minutes=1)
    assert completion.reap(later) == 2
    assert {row.status for row in Completion.objects.all()} == {"interrupted"}
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
    assert len(shown(talk, str(running.body["conversation"]))["comparison"]) == 2


def test_a_process_that_ends_interrupts_each(talk: Talk, alice: User, running: Reply) -> None:
    runtime.shut_down_thread()
    assert {row.status for row in Message.objects.filter(role="assistant")} == {"interrupted"}
    assert_ledger_equals_counters(alice)
    for answer in begun(running):
        again = talk.post(f"/completions/{answer['completion']}/regenerate/")
        assert again.status == 201
    assert len(shown(talk, str(running.body["conversation"]))["comparison"]) == 2


def test_deleting_the_conversation_ends_each(talk: Talk, alice: User, running: Reply) -> None:
    assert talk.client.post(f"/c/{running.body['conversation']}/delete/").status_code == 303
    assert not Conversation.objects.filter(deleted_at=None).exists()
    assert not Completion.objects.filter(status="running").exists()
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
