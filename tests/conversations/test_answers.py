"""Each way an answer ends, through HTTP, against a real endpoint: status, text, quota, ledger, upstream socket."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Plan, Reservation, User
from conversations import completion, runtime
from conversations.models import ChatModel, Completion, Endpoint, Message
from conversations.relay import Ending
from tests.conversations.talk import (
    JSON,
    Talk,
    assert_ledger_equals_counters,
    record_of,
    text_of,
)
from tests.upstream import Script, Upstream


def test_complete(talk: Talk, upstream: Upstream, alice: User) -> None:
    upstream.say("Hello ", "world", "!")
    reply = talk.send("Say hello")
    assert reply.status == 201
    answer = talk.finish(reply)
    assert (answer.status, answer.content, answer.error_code) == ("complete", "Hello world!", "")
    row = reply.completion
    assert row.status == "complete"
    assert row.tokens_in > 0
    assert row.tokens_out > 0
    assert row.first_delta_at is not None
    record = record_of(row)
    assert (record.requests, record.outcome, record.estimated) == (1, "complete", False)
    assert record.money > 0
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_text_events_equal_the_stored_text(talk: Talk, upstream: Upstream) -> None:
    upstream.say("Zwölf ", "猫 ", "🐈‍⬛ ", "e\u0301nd")
    reply = talk.send("Cats")
    assert text_of(talk.events(reply, format="text")) == reply.answer.content


def test_stop_before_the_first_word_counts_the_request_only(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    upstream.play("hang")
    reply = talk.send("Hello")
    upstream.wait_for_requests(1)
    assert talk.post(reply.body["stop"]).status == 202
    answer = talk.finish(reply)
    assert (answer.status, answer.content) == ("stopped", "")
    assert upstream.chats[-1].wait_closed(1)
    record = record_of(reply.completion)
    assert (record.requests, record.tokens_in, record.tokens_out) == (1, 0, 0)
    assert_ledger_equals_counters(alice)


def test_stop_keeps_the_partial_text(talk: Talk, upstream: Upstream, alice: User) -> None:
    upstream.play(Script("stall", ("One two",)))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    assert next(stream).data == {"text": "One two"}
    assert talk.post(reply.body["stop"]).status == 202
    assert [event.name for event in stream] == ["end"]
    assert upstream.chats[-1].wait_closed(1)
    answer = reply.answer
    assert (answer.status, answer.content) == ("stopped", "One two")
    record = record_of(reply.completion)
    assert record.estimated
    assert record.tokens_out > 0
    assert talk.post(reply.body["stop"]).status == 202  # a second time changes nothing
    assert_ledger_equals_counters(alice)


def test_stop_from_another_process_arrives_through_the_database(
    talk: Talk, upstream: Upstream
) -> None:
    upstream.play(Script("stall", ("One",)))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    next(stream)
    Completion.objects.filter(pk=reply.body["completion"]).update(stop_requested=True)
    assert [event.name for event in stream] == ["end"]
    assert upstream.chats[-1].wait_closed(1)
    assert reply.answer.status == "stopped"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("401", "upstream_auth"),
        ("403", "upstream_auth"),
        ("404", "upstream_error"),
        ("429 times=9 retry-after=0", "upstream_rate_limited"),
        ("500 times=9", "upstream_error"),
        ("503 times=9", "upstream_error"),
        ("redirect", "upstream_error"),
        ("context", "context_too_long"),
        ("html", "upstream_malformed"),
        ("json", "upstream_malformed"),
        ("cut before=1 times=9", "upstream_unreachable"),
        ("quiet", "timeout_first"),
        ("hang", "timeout_first"),
    ],
)
def test_failure_before_the_first_word_refunds_everything(
    talk: Talk, upstream: Upstream, alice: User, script: str, code: str
) -> None:
    Endpoint.objects.update(first_delta_seconds=0.4)
    reply = talk.send(f"Hello [[script: {script}]]")
    answer = talk.finish(reply)
    assert answer.status == "failed"
    assert (
        answer.error_code in {code, "upstream_cut"}
        if "cut" in script
        else answer.error_code == code
    )
    record = record_of(reply.completion)
    assert (record.requests, record.tokens_in, record.outcome) == (0, 0, "failed")
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
    page = talk.client.get(reply.body["url"]).content.decode()
    assert "Hello [[script" in page  # the question is never lost


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("stall", "timeout_silence"),
        ("cut", "upstream_cut"),
        ("reset", "upstream_cut"),
        ("eof", "upstream_cut"),
        ("long-line", "upstream_malformed"),
        ("error-frame code=overloaded", "overloaded"),
        ("slow tokens=1000 rate=50", "timeout_total"),
    ],
)
def test_failure_in_the_middle_keeps_the_text_and_is_paid(
    talk: Talk, upstream: Upstream, alice: User, script: str, code: str
) -> None:
    Endpoint.objects.update(silence_seconds=0.4, total_seconds=1.0)
    reply = talk.send(f"Hello [[script: {script}]]")
    answer = talk.finish(reply)
    assert (answer.status, answer.error_code) == ("failed", code)
    assert answer.content
    assert upstream.chats[-1].wait_ended(2)
    record = record_of(reply.completion)
    assert (record.requests, record.outcome, record.estimated) == (1, "failed", True)
    assert record.tokens_out > 0
    assert_ledger_equals_counters(alice)


@pytest.mark.parametrize(
    "script",
    ["no-done", "crlf", "cr", "comments", "split", "coalesced", "garbage", "parts", "surrogates"],
)
def test_odd_but_whole_streams_are_complete(talk: Talk, script: str) -> None:
    answer = talk.ask(f"Hello [[script: {script}]]")
    assert (answer.status, answer.error_code) == ("complete", "")
    assert answer.content
    assert "\x00" not in answer.content


@pytest.mark.parametrize("script", ["no-usage", "absurd-usage"])
def test_missing_or_absurd_usage_is_estimated(talk: Talk, alice: User, script: str) -> None:
    reply = talk.send(f"Hello [[script: {script}]]")
    talk.finish(reply)
    record = record_of(reply.completion)
    assert record.estimated
    assert 0 < record.tokens_in < 1000
    assert 0 < record.tokens_out < 1000
    assert_ledger_equals_counters(alice)


def test_empty_answer_is_complete_with_a_code(talk: Talk) -> None:
    answer = talk.ask("Hello [[script: empty]]")
    assert (answer.status, answer.error_code, answer.content) == ("complete", "empty_answer", "")


def test_endpoint_that_is_not_there(talk: Talk, alice: User) -> None:
    Endpoint.objects.update(base_url="http://127.0.0.1:9/v1")
    reply = talk.send("Hello")
    answer = talk.finish(reply)
    assert (answer.status, answer.error_code) == ("failed", "upstream_unreachable")
    assert record_of(reply.completion).requests == 0


def test_reasoning_is_kept_apart(talk: Talk) -> None:
    reply = talk.send("Think [[script: reasoning]]")
    seen = list(talk.events(reply, format="text"))
    answer = reply.answer
    assert answer.reasoning
    assert answer.reasoning not in answer.content
    assert (
        "".join(event.data["text"] for event in seen if event.name == "reasoning")
        == answer.reasoning
    )
    assert text_of(iter(seen)) == answer.content


def test_refused_parameter_is_remembered(
    talk: Talk, upstream: Upstream, chat_model: ChatModel
) -> None:
    talk.ask("Hi [[script: unsupported name=max_tokens]]")
    chat_model.refresh_from_db()
    assert chat_model.max_tokens_parameter == "max_completion_tokens"
    before = len(upstream.chats)
    talk.ask("Hi [[script: unsupported name=max_tokens]]")
    assert len(upstream.chats) == before + 1  # right at once
    assert "max_completion_tokens" in upstream.chats[-1].body


def test_closing_the_tab_changes_nothing(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    stream = talk.events(reply, format="text")
    next(stream)
    stream.close()
    upstream.release(9)
    assert talk.finish(reply).content == "One two three"


def test_reader_resumes_at_its_position(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    first = talk.events(reply, format="text")
    event = next(first)
    first.close()
    response = talk.client.get(
        reply.body["events"], {"format": "text"}, headers={"last-event-id": str(event.id)}
    )
    upstream.release(9)
    rest = b"".join(iter(response)).decode()
    assert "One" not in rest
    assert text_of(talk.events(reply, format="text", after=str(event.id))) == "two three"


def test_reader_at_or_after_the_end_gets_the_end(talk: Talk) -> None:
    answer = talk.ask("Hello")
    reply_url = {"events": f"/completions/{answer.completions.get().pk}/events/"}
    for after in (len(answer.content), 10**8):
        response = talk.client.get(reply_url["events"], {"format": "text", "after": str(after)})
        body = b"".join(iter(response)).decode()
        assert "event: delta" not in body
        assert "event: end" in body


def test_two_readers_see_the_same(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One ", "two ", "three")))
    reply = talk.send("Count")
    streams = [talk.events(reply, format="text") for _ in range(2)]
    heads = [next(stream).data["text"] for stream in streams]
    upstream.release(9)
    tails = [text_of(stream) for stream in streams]
    assert {head + tail for head, tail in zip(heads, tails, strict=True)} == {"One two three"}


def test_html_events_add_up_to_the_page(talk: Talk, upstream: Upstream) -> None:
    upstream.say(
        "# Title\n\n", "Some **bold** ", "text.\n\n- one\n- two\n\n", "```python\nx = 1\n```\n"
    )
    reply = talk.send("Write")
    blocks: dict[int, str] = {}
    for event in talk.events(reply):
        if event.name in {"block", "open"}:
            blocks[event.data["index"]] = event.data["html"]
    html = "".join(blocks[index] for index in sorted(blocks))
    assert "<strong>bold</strong>" in html
    page = talk.client.get(f"/messages/{reply.body['answer']}/").content.decode()
    assert "<strong>bold</strong>" in page


def test_same_send_twice_spends_once(talk: Talk, upstream: Upstream, alice: User) -> None:
    key = str(uuid.uuid4())
    first = talk.send("Hello", client_id=key)
    talk.finish(first)
    second = talk.send("Hello", client_id=key)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert len(upstream.chats) == 1
    other = talk.send("Something else", client_id=key)
    assert (other.status, other.code) == (409, "client_id_reused")


@pytest.mark.parametrize("known", [False, True])
def test_same_send_at_the_same_moment_spends_once(
    talk: Talk, upstream: Upstream, alice: User, known: bool
) -> None:
    conversation = None
    if known:
        first = talk.send("First")
        talk.finish(first)
        conversation = first.body["conversation"]
    before = len(upstream.chats)
    key = str(uuid.uuid4())
    replies = []
    threads = [
        threading.Thread(
            target=lambda: replies.append(talk.send("Hello", conversation, client_id=key))
        )
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    talk.finish(replies[0])
    assert sorted(reply.status for reply in replies) == [200, 200, 200, 200, 201]
    assert len({reply.body["completion"] for reply in replies}) == 1
    assert len(upstream.chats) == before + 1


def test_second_send_while_an_answer_runs(talk: Talk, upstream: Upstream) -> None:
    upstream.play("stall")
    first = talk.send("Hello")
    second = talk.send("And?", first.body["conversation"])
    assert (second.status, second.code) == (409, "answer_running")
    talk.post(first.body["stop"])
    talk.finish(first)


def test_regenerate_keeps_the_old_answer(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("Hello")
    old = talk.finish(first)
    upstream.say("Another")
    again = talk.post(f"/completions/{first.body['completion']}/regenerate/")
    new = talk.finish(again)
    assert new.pk != old.pk
    assert new.parent_id == old.parent_id
    old.refresh_from_db()
    assert old.status == "complete"
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["messages"][-1]["content"] == "Another"
    assert page["messages"][-1]["siblings"] == [str(old.pk), str(new.pk)]
    assert (
        talk.post(f"/c/{first.body['conversation']}/leaf/", {"message": str(old.pk)}).status == 200
    )
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["leaf"] == str(old.pk)


def test_edit_makes_a_branch(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    edited = talk.send("Goodbye", first.body["conversation"], edit=first.body["message"])
    talk.finish(edited)
    assert [message["content"] for message in upstream.chats[-1].body["messages"]] == ["Goodbye"]
    message = Message.objects.get(pk=edited.body["message"])
    assert message.parent_id is None
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["messages"][0]["siblings"] == [first.body["message"], edited.body["message"]]


def test_continue_appends_to_the_same_message(talk: Talk, upstream: Upstream, alice: User) -> None:
    upstream.play(Script("stall", ("One two",)))
    first = talk.send("Count")
    stream = talk.events(first, format="text")
    next(stream)
    talk.post(first.body["stop"])
    list(stream)
    upstream.say(" three", " four")
    again = talk.post(f"/completions/{first.body['completion']}/continue/")
    assert again.status == 201
    assert again.body["answer"] == first.body["answer"]
    answer = talk.finish(again)
    assert (answer.status, answer.content) == ("complete", "One two three four")
    sent = upstream.chats[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert again.completion.start_position == len("One two")
    assert talk.post(f"/completions/{again.body['completion']}/continue/").status == 409
    assert_ledger_equals_counters(alice)


def test_history_is_sent_back(talk: Talk, upstream: Upstream) -> None:
    upstream.say("Pleased to meet you.")
    first = talk.send("I am Ann.")
    talk.finish(first)
    talk.ask("Who am I?", first.body["conversation"])
    assert upstream.chats[-1].body["messages"] == [
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": "Pleased to meet you."},
        {"role": "user", "content": "Who am I?"},
    ]


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


def test_quota_gone(talk: Talk, upstream: Upstream, alice: User, bob: User) -> None:
    plan = Plan.objects.create(name="Two", requests_per_day=2)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    talk.ask("One")
    talk.ask("Two")
    reply = talk.send("Three")
    assert (reply.status, reply.code) == (429, "quota_requests")
    assert reply.body["error"]["limit"] == 2
    assert reply.body["error"]["resets_at"]
    page = talk.client.post("/c/", {"content": "Three, kept", "client_id": str(uuid.uuid4())})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert "Three, kept" in page.content.decode()
    assert len(upstream.chats) == 2


def test_shrinks_the_answer_before_refusing(talk: Talk, upstream: Upstream, alice: User) -> None:
    plan = Plan.objects.create(name="Tight", tokens_per_day=500)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    talk.ask("Hello")
    assert 256 <= upstream.chats[-1].body["max_tokens"] < 500
    alice.refresh_from_db()
    plan.tokens_per_day = 100
    plan.save()
    assert talk.send("Hello again").code == "quota_tokens"


def test_long_history_is_trimmed_to_the_window(
    talk: Talk, upstream: Upstream, chat_model: ChatModel
) -> None:
    ChatModel.objects.update(context_window=1024, max_output_tokens=256)
    first = talk.send("word " * 300)
    talk.finish(first)
    second = talk.send("word " * 300, first.body["conversation"])
    talk.finish(second)
    assert len(upstream.chats[-1].body["messages"]) == 1
    assert second.completion.prompt["left_out"] > 0
    too_long = talk.send("word " * 3000)
    assert (too_long.status, too_long.code) == (413, "message_too_long")


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


def test_answers_say_how_their_endpoint_is(talk: Talk, upstream: Upstream) -> None:
    talk.ask("Hello")
    assert talk.client.get("/readyz").json()["checks"]["endpoint"] == "ok"
    upstream.play("401")
    talk.ask("Hello")
    assert talk.client.get("/readyz").json()["checks"]["endpoint"] == "failing"
    assert all(request.path != "/v1/models" for request in upstream.requests)


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


def test_refused_page_keeps_the_chosen_role(talk: Talk, alice: User) -> None:
    plan = Plan.objects.create(name="None", requests_per_day=0)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    page = talk.client.post("/c/", {"content": "Hello", "preset": "translator"})
    assert page.status_code == 429
    assert page.context["current_preset"].key == "translator"
