"""`/v1`: what is refused, and what is told when the endpoint, the program or the key goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.utils import timezone

from accounts import api_keys, quotas
from accounts.models import UsagePeriod, UsageRecord
from conversations import runtime
from conversations.models import ChatModel
from tests.conversations.api.conftest import Program
from tests.conversations.api.test_gateway import error, events, record, text_of
from tests.processes import wait_for
from tests.upstream import Script, Upstream

# --- Bad input -------------------------------------------------------------------------------------------------------


WRONG: dict[str, list[Any]] = {
    "model": [None, "", " ", 7, [], {}, True, "a\x00b"],
    "messages": [None, "", [], {}, "hi", -1, [None], ["hi"], [[]]],
    "stream": ["", "true", 1, [], {}],
    "n": [0, -1, 2**63, 129, "1", 1.5, True, []],
    "max_tokens": [0, -1, 2**63, "9", 1.5, True, {}],
    "max_completion_tokens": [0, "9", []],
    "stream_options": ["", 1, [], True],
}


@pytest.mark.parametrize(
    ("param", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_field_that_cannot_be(program: Program, param: str, value: Any) -> None:
    response = program.ask(**{param: value})
    assert response.status_code == 400
    assert error(response)["param"] == param
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"7", b'{"model": "fake"', b"\xff\xfe{}", b'{"a": NaN}',
     b"[" * 100_000, b'{"model":' + b'{"a":' * 50_000],
)  # fmt: skip
def test_what_is_not_json(program: Program, body: bytes) -> None:
    response = program.post("/v1/chat/completions", body or b" ")
    assert response.status_code == 400
    assert error(response)["code"] == "invalid_json"


def test_the_wrong_content_type(program: Program) -> None:
    response = program.post("/v1/chat/completions", b"a=b", content_type="text/plain")
    assert (response.status_code, error(response)["code"]) == (415, "unsupported_content_type")


def test_a_field_of_a_megabyte_is_the_endpoints_to_judge(
    program: Program, upstream: Upstream
) -> None:
    assert program.ask("x" * 1_000_000).status_code == 200
    assert len(upstream.chats[0].text) == 1_000_000


def test_a_body_that_is_too_large(program: Program) -> None:
    response = program.ask("x" * (33 << 20))
    assert (response.status_code, error(response)["code"]) == (413, "request_too_large")


def test_addresses_and_methods(program: Program) -> None:
    response = program.get("/v1/chat/completions")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert error(response)["code"] == "method_not_allowed"
    for path in ("/v1/", "/v1/engines", "/v1/chat/completions/x"):
        response = program.get(path)
        assert (response.status_code, error(response)["code"]) == (404, "unknown_url")


def test_an_unknown_model(program: Program) -> None:
    response = program.ask(model="gpt-none")
    assert response.status_code == 404
    assert (error(response)["code"], error(response)["param"]) == ("model_not_found", "model")


# --- What goes wrong at the endpoint ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "status", "code"),
    [("401", 502, "upstream_auth"), ("403", 502, "upstream_auth"), ("500", 502, "upstream_error"),
     ("503", 502, "upstream_error"), ("redirect", 502, "upstream_error"),
     ("429 retry-after=60", 429, "rate_limit_exceeded"), ("context", 400, "context_length_exceeded"),
     ("context style=llama", 400, "context_length_exceeded"),
     ("reset before=1", 502, "upstream_cut")],
)  # fmt: skip
def test_failures_before_the_first_byte(
    program: Program, upstream: Upstream, script: str, status: int, code: str, stream: bool
) -> None:
    upstream.script = Script.parse(script)
    response = program.ask(stream=stream)
    assert response.status_code == status
    assert error(response)["code"] == code
    assert "chat." not in error(response)["message"]  # a program has none that it could begin anew
    assert ("Retry-After" in response.headers) == (status == 429)
    row = record()
    assert (row.outcome, row.requests, row.tokens_in) == ("failed", 0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_that_is_full(program: Program, upstream: Upstream, stream: bool) -> None:
    upstream.script = Script.parse("503 retry-after=30")
    response = program.ask(stream=stream)
    assert (response.status_code, error(response)["code"]) == (503, "upstream_overloaded")
    assert response.headers["Retry-After"] == "30"
    assert (record().outcome, record().requests) == ("failed", 0)


def test_what_the_endpoint_does_not_accept_is_told_in_its_words(
    program: Program, upstream: Upstream
) -> None:
    upstream.script = Script.parse("unsupported name=logprobs")
    response = program.ask(logprobs=True)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "logprobs"
    assert len(upstream.chats) == 1  # it is the program's to leave it out
    assert record().requests == 0


def test_an_endpoint_that_is_not_there(program: Program, chat_model: ChatModel) -> None:
    chat_model.endpoint.base_url = "http://127.0.0.1:9/v1"
    chat_model.endpoint.save()
    response = program.ask()
    assert (response.status_code, error(response)["code"]) == (503, "upstream_unreachable")
    assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("script", "code"),
    [("cut", "upstream_cut"), ("reset", "upstream_cut"), ("eof", "upstream_cut"),
     ("no-done", None), ("html", "upstream_malformed")],
)  # fmt: skip
def test_a_stream_that_breaks_ends_in_an_error_frame(
    program: Program, upstream: Upstream, script: str, code: str | None
) -> None:
    upstream.play(Script(script, ("Good ", "day.")))
    said = events(program.ask(stream=True))
    if code is None:
        assert said[-1] == "[DONE]"
        assert record().outcome == "complete"
        return
    assert said[-1]["error"]["code"] == code
    assert said[-1]["error"]["message"]
    assert "[DONE]" not in said
    row = record()
    assert row.outcome == "failed"
    assert row.requests == bool(text_of(said))  # refunded where nothing came


def test_an_error_frame_of_the_endpoint_is_passed_on_once(
    program: Program, upstream: Upstream
) -> None:
    upstream.play(Script.parse("error-frame code=overloaded", "Good "))
    said = events(program.ask(stream=True))
    assert [one["error"]["code"] for one in said if "error" in one] == ["overloaded"]
    assert record().outcome == "failed"


def test_whoever_asked_leaves(program: Program, upstream: Upstream) -> None:
    """The endpoint's connection is closed at once, and what came is paid for."""
    upstream.play(Script("gated", ("Good ", "day.")))
    response = program.ask(stream=True)
    parts = iter(response)
    assert b"chat.completion.chunk" in next(parts)
    parts.close()
    assert upstream.chats[0].wait_closed(2)
    row = record()
    assert (row.outcome, row.requests, row.estimated) == ("stopped", 1, True)


def test_a_stream_that_nobody_reads(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Good ", "day.")))
    program.ask(stream=True).close()
    assert upstream.chats[0].wait_closed(2)
    assert record().outcome == "stopped"


def test_a_key_that_is_revoked_in_the_middle(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Good ", "day.")))
    response = program.ask(stream=True)
    parts = iter(response)
    next(parts)
    api_keys.revoke_keys([program.key.pk], now=timezone.now())
    rest = b"".join(parts)
    assert b"invalid_api_key" in rest
    assert upstream.chats[0].wait_closed(2)
    assert record().outcome == "failed"


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_is_revoked_while_the_endpoint_is_waited_for(
    program: Program, upstream: Upstream, stream: bool
) -> None:
    upstream.play(Script("hang"))
    with ThreadPoolExecutor(1) as waiting:
        asked = waiting.submit(program.ask, stream=stream)
        upstream.wait_for_requests(1)
        api_keys.revoke_keys([program.key.pk], now=timezone.now())
        response = asked.result(20)
    assert (response.status_code, error(response)["code"]) == (401, "invalid_api_key")
    assert upstream.chats[0].wait_closed(2)
    assert record().requests == 0


def test_ledger_and_counters_agree_after_all_of_it(program: Program, upstream: Upstream) -> None:
    for script in ("answer", "cut", "500", "no-usage", "absurd-usage"):
        upstream.play(Script(script, ("Good ", "day.")))
        response = program.ask(stream=True)
        if response.status_code == 200:
            b"".join(response)
    wait_for(lambda: not runtime.open_calls, what="settlement")
    for row in UsagePeriod.objects.all():
        sums = quotas.ledger_sums(
            program.key.user, kind=row.kind, start=row.start, api_key=row.api_key
        )
        assert sums == (row.used_requests, row.used_tokens, row.used_money)
        assert not row.reserved_requests
        assert not row.reserved_tokens
        assert not row.reserved_money
