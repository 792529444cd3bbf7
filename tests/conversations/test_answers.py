"""Each way an answer ends, through HTTP, against a real endpoint: status, text, quota, ledger, upstream socket."""

from __future__ import annotations

import pytest

from accounts.models import Reservation, User
from conversations.models import ChatModel, Completion, Endpoint
from tests.conversations.talk import Talk, assert_ledger_equals_counters, record_of, text_of
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


def test_answers_say_how_their_endpoint_is(talk: Talk, upstream: Upstream) -> None:
    talk.ask("Hello")
    assert talk.client.get("/readyz").json()["checks"]["endpoint"] == "ok"
    upstream.play("401")
    talk.ask("Hello")
    assert talk.client.get("/readyz").json()["checks"]["endpoint"] == "failing"
    assert all(request.path != "/v1/models" for request in upstream.requests)
