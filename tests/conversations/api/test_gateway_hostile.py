"""`/v1` and programs that mean no good: bodies that cannot be sent on, and answers that nobody would pay for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import Plan, UsageRecord, User
from conversations.models import ChatModel
from tests.conversations.api.conftest import Program, program_of
from tests.upstream import Upstream

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
    upstream.replies["/v1/responses"] = ("application/json", b"{}")
    program_of(alice).post("/v1/responses", {"model": "fake", "input": "Hi", "max_tokens": 1})
    body = upstream.requests[-1].body
    assert 256 <= body["max_output_tokens"] < 800
    assert "max_completion_tokens" not in body


def test_a_response_in_the_background_would_not_be_counted(program: Program) -> None:
    response = program.post("/v1/responses", {"model": "fake", "input": "Hi", "background": True})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "background"
