"""`/v1` between programs and endpoints that mean no good: what cannot be sent on, what is no answer, who pays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import Plan, UsageRecord, User
from conversations import runtime
from conversations.models import ChatModel, Endpoint
from tests.conversations.api.conftest import Program, program_of
from tests.processes import wait_for
from tests.upstream import Script, Upstream

KEY = "sk-of-the-site-itself"
BEGINNING = b'{"model": "fake", "messages": [{"role": "user", "content": "Hello"}], '


@pytest.mark.parametrize(
    "rest",
    [b'"user": "\\ud800"}', b'"user": "\\uDC00 \\uD83D"}', b'"\\ud800": 1}', b'"temperature": 1e999}',
     b'"temperature": -1e999}', b'"tools": ' + b"[" * 900 + b"]" * 900 + b"}",
     b'"x": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"],
)  # fmt: skip
def test_what_could_not_be_written_again(program: Program, upstream: Upstream, rest: bytes) -> None:
    response = program.post("/v1/chat/completions", BEGINNING + rest)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"
    assert not upstream.chats
    assert not UsageRecord.objects.exists()


def test_whole_pairs_and_what_is_nested_sensibly_are_sent_on(
    program: Program, upstream: Upstream
) -> None:
    deep: Any = {"type": "string"}
    for _ in range(30):
        deep = {"type": "object", "properties": {"a": deep}}
    body = {"model": "fake", "messages": [{"role": "user", "content": "😀"}], "schema": deep}
    sent = json.dumps(body, ensure_ascii=True).encode()
    assert b"\\ud83d" in sent
    assert program.post("/v1/chat/completions", sent).status_code == 200
    assert upstream.chats[-1].body["messages"][0]["content"] == "😀"
    assert upstream.chats[-1].body["schema"] == deep


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"max_completion_tokens": 1, "max_tokens": 100_000}, "max_tokens"),
     ({"stream": True, "stream_options": {"include_usage": "false"}}, "include_usage")],
)  # fmt: skip
def test_what_endpoints_would_read_in_two_ways(
    program: Program, fields: dict[str, Any], param: str
) -> None:
    response = program.ask("Hello", **fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_what_is_no_limit_here_is_not_taken_for_one(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    """`max_output_tokens` is that of the Responses API alone, and the only one that it has."""
    plan = Plan.objects.create(name="Few", tokens_per_day=800)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert program_of(alice).ask(max_output_tokens=1).status_code == 200
    assert 256 <= upstream.chats[0].body["max_tokens"] < 800
    settled()
    upstream.replies["/v1/responses"] = ("application/json", b"{}")
    program_of(alice).post("/v1/responses", {"model": "fake", "input": "Hi", "max_tokens": 1})
    body = upstream.requests[-1].body
    assert 256 <= body["max_output_tokens"] < 800
    assert "max_completion_tokens" not in body


def test_a_response_in_the_background_would_not_be_counted(program: Program) -> None:
    response = program.post("/v1/responses", {"model": "fake", "input": "Hi", "background": True})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "background"


@pytest.mark.parametrize("of", ["person", "key"])
def test_what_is_only_set_aside_is_not_gone_until_tomorrow(
    alice: User, chat_model: ChatModel, upstream: Upstream, of: str
) -> None:
    """Programs that ask again in a moment get their answer; the official client does so by itself."""
    limits = {"tokens_per_day": 2_000}
    plan = Plan.objects.create(name="Few", **limits if of == "person" else {})
    User.objects.filter(pk=alice.pk).update(plan=plan)
    program = program_of(alice, **limits if of == "key" else {})
    upstream.play(Script("gated", ("Good ", "day.")))
    stream = program.ask(stream=True, max_tokens=1_900)
    refused = program.ask()
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (429, "rate_limit_exceeded")
    assert (error["quota"], error["limit"]) == ("quota_tokens", 2_000)
    assert int(refused.headers["Retry-After"]) < 60
    assert "X-Should-Retry" not in refused.headers
    upstream.release(2)
    b"".join(stream)
    settled()
    assert program.ask().status_code == 200


@pytest.mark.parametrize("streams", [False, True])
def test_whoever_has_the_whole_answer_can_ask_again_at_once(
    alice: User, chat_model: ChatModel, streams: bool
) -> None:
    """It is settled before its last byte: what was set aside for it is there for the next."""
    plan = Plan.objects.create(name="Few", tokens_per_day=2_000, concurrent_completions=1)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    program = program_of(alice)
    for _time in range(5):
        response = program.ask(stream=streams, max_tokens=1_500)
        assert response.status_code == 200
        if streams:
            parts = iter(response)
            while b"[DONE]" not in next(parts):
                pass


# --- What an endpoint sends -------------------------------------------------------------------------------------------


def play(upstream: Upstream, content: bytes, content_type: str = "application/json") -> None:
    upstream.play(Script("raw", (content.decode(),), {"type": content_type}))


def settled() -> UsageRecord:
    wait_for(lambda: UsageRecord.objects.exists() and not runtime.open_calls, what="settlement")
    return UsageRecord.objects.get()


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "application/json"), (b"null", "application/json"), (b"[]", "application/json"),
     (b'{"choices": [', "application/json"), (b"<script>alert(1)</script>", "text/html"),
     (b'data: {"choices": []}\n\ndata: [DONE]\n\n', "text/event-stream")],
)  # fmt: skip
def test_what_is_no_answer_is_none(
    program: Program, upstream: Upstream, content: bytes, kind: str
) -> None:
    play(upstream, content, kind)
    response = program.ask()
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "upstream_malformed"
    row = settled()
    assert (row.outcome, row.requests, row.tokens_out) == ("failed", 0, 0)


def test_what_is_nearly_json_is_passed_on(program: Program, upstream: Upstream) -> None:
    content = (
        b'{"choices": [{"logprobs": NaN}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
    )
    play(upstream, content, "text/plain")
    assert program.ask().content == content
    assert settled().tokens_out == 2


def test_an_answer_beyond_its_limit_is_paid_for(program: Program, upstream: Upstream) -> None:
    """An endpoint that does not heed the limit, and whose count seems too large to be true."""
    reply = {
        "choices": [{"message": {"content": "word " * 4_000}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4_000},
    }
    play(upstream, json.dumps(reply).encode())
    assert program.ask(max_tokens=1).status_code == 200
    assert settled().tokens_out >= 4_000


def test_a_response_without_a_count_is_estimated(program: Program, upstream: Upstream) -> None:
    reply = {"output": [{"type": "message", "content": [{"text": "word " * 500}]}]}
    upstream.replies["/v1/responses"] = ("application/json", json.dumps(reply).encode())
    program.post("/v1/responses", {"model": "fake", "input": "Hi"})
    assert settled().tokens_out > 400


@pytest.mark.parametrize("wants_usage", [False, True])
@pytest.mark.parametrize(
    ("content", "kind"),
    [(b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\ndata: {"choices": [{"de', "text/event-stream"),
     (b"<html>Sign in</html>", "text/html"), (b'{"choices": []}', "application/json")],
)  # fmt: skip
def test_the_error_frame_stands_on_its_own(
    program: Program, upstream: Upstream, content: bytes, kind: str, wants_usage: bool
) -> None:
    play(upstream, content, kind)
    response = program.ask(stream=True, stream_options={"include_usage": wants_usage})
    *events, last, rest = b"".join(response).split(b"\n\n")
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"].startswith("upstream_")
    assert rest == b""
    for event in events:
        json.loads(event.removeprefix(b"data: "))


@pytest.mark.parametrize("style", ["object", "text", "page"])
def test_neither_the_sites_key_nor_where_its_endpoint_is_are_told(
    program: Program, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    monkeypatch.setenv("SITE_KEY", KEY)
    Endpoint.objects.update(key_variable="SITE_KEY")
    words = f"{KEY} cannot ask for that at {upstream.url}"
    content = {
        "object": json.dumps({"error": {"message": words, "code": words, "trace": words}}),
        "text": json.dumps({"error": words}),
        "page": f"<html>{words}</html>",
    }[style]
    upstream.play(Script("raw", (content,), {"status": "400", "type": "text/html"}))
    response = program.ask()
    assert upstream.chats[-1].headers["Authorization"] == f"Bearer {KEY}"
    assert response.status_code == 400
    assert "cannot ask for that" in response.json()["error"]["message"]
    assert response.json()["error"]["request_id"]
    assert KEY not in response.text
    assert str(upstream.port) not in response.text


def test_what_an_endpoint_has_not_been_taught_is_its_failure(
    program: Program, upstream: Upstream
) -> None:
    upstream.play(Script("raw", ("",), {"status": "501", "type": "text/plain"}))
    assert program.ask().status_code == 502


def test_nobody_is_told_to_wait_for_centuries(program: Program, upstream: Upstream) -> None:
    upstream.play(Script.parse("429 retry-after=1e300"))
    response = program.ask()
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3600")


def test_an_error_in_a_stream_does_not_tell_the_sites_key(
    program: Program, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_KEY", KEY)
    Endpoint.objects.update(key_variable="SITE_KEY")
    frame = json.dumps({"error": {"message": f"Wrong key {KEY}", "code": "overloaded"}})
    play(upstream, f"data: {frame}\n\n".encode(), "text/event-stream")
    passed = b"".join(program.ask(stream=True))
    assert KEY.encode() not in passed
    assert b"Wrong key" in passed
