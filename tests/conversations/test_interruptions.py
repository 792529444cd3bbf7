"""Answers whose process, conversation or database goes away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Reservation, User
from conversations import completion, runtime
from conversations.models import Completion, Message
from conversations.relay import Ending
from tests.conversations.talk import Talk, assert_ledger_equals_counters, record_of
from tests.upstream import Script, Upstream


def test_dead_process_is_reaped_with_its_text(talk: Talk, upstream: Upstream, alice: User) -> None:
    """What `kill -9` leaves behind: a running row whose heartbeat has stopped."""
    reply = talk.send("Hello")
    talk.finish(reply)
    row, answer = reply.completion, reply.answer
    Reservation.objects.create(
        id=row.pk,
        user=alice,
        day=timezone.localdate(),
        month=timezone.localdate().replace(day=1),
        tokens=0,
        requests=0,
    )
    record_of(row).delete()
    Completion.objects.filter(pk=row.pk).update(
        status="running", heartbeat_at=timezone.now() - timedelta(seconds=16)
    )
    Message.objects.filter(pk=answer.pk).update(status="running", content="Half an ans")
    assert completion.reap(timezone.now()) == 1
    answer.refresh_from_db()
    assert (answer.status, answer.content) == ("interrupted", "Half an ans")
    assert not Reservation.objects.exists()
    assert completion.reap(timezone.now()) == 0
    page = talk.client.get(reply.body["url"]).content.decode()
    assert f"/completions/{row.pk}/continue/" in page


def test_own_answers_are_not_reaped_for_a_heartbeat_that_could_not_be_written(
    talk: Talk, upstream: Upstream
) -> None:
    upstream.play(Script("gated", ("One", "Two")))
    reply = talk.send("Count")
    later = timezone.now() + timedelta(minutes=1)
    assert completion.reap(later, set(runtime.engine().runs)) == 0
    upstream.release(2)
    assert talk.finish(reply).status == "complete"


def test_deleting_the_conversation_ends_its_answer(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    upstream.play(Script("stall", ("One",)))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    next(stream)
    assert talk.client.post(f"/c/{reply.body['conversation']}/delete/").status_code == 303
    assert upstream.chats[-1].wait_closed(1)
    assert [event.name for event in stream] == ["end"]
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_drain_interrupts_what_does_not_finish(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("One",)))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    next(stream)
    runtime.spawn(runtime.engine().interrupt()).result(5)
    assert [event.data.get("code") for event in stream] == ["interrupted"]
    assert reply.answer.status == "interrupted"
    refused = talk.send("More")
    assert (refused.status, refused.code) == (503, "unavailable")


def test_end_is_written_when_the_database_comes_back(
    talk: Talk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has arrived since the last checkpoint is not given up for an outage."""
    write, attempts = completion.finish, []

    def away(run: completion.Run, ending: Ending) -> Ending:
        attempts.append(ending)
        if len(attempts) < 7:
            raise OperationalError("the database is away")
        return write(run, ending)

    monkeypatch.setattr(completion, "finish", away)
    monkeypatch.setattr(completion, "FINISH_PAUSES", (0.01,))
    upstream.say("Kept")
    answer = talk.ask("Hello")
    assert (answer.status, answer.content) == ("complete", "Kept")
    assert len(attempts) == 7
