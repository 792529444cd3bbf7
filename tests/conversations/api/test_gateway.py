"""`/v1`: what is passed on, what is metered and who may ask. `test_gateway_failures.py` has what fails."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import api_keys, services
from accounts.models import Plan, Reservation, UsagePeriod, UsageRecord, User
from conversations import runtime
from conversations.api.gateway import urls, views
from conversations.models import ChatModel
from tests.conversations.api.conftest import Program, program_of
from tests.processes import wait_for
from tests.upstream import Script, Upstream

USAGE = {"include_usage": True}


def events(response: Any) -> list[Any]:
    """What a stream said, `[DONE]` included."""
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = b"".join(response).decode().splitlines()
    said = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [one if one == "[DONE]" else json.loads(one) for one in said]


def text_of(said: list[Any]) -> str:
    deltas = [one["choices"][0]["delta"] for one in said if one != "[DONE]" and one.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas)


def record() -> UsageRecord:
    """The one row of the ledger, once it is written."""
    wait_for(lambda: UsageRecord.objects.exists() and not runtime.open_calls, what="settlement")
    assert not Reservation.objects.exists()
    return UsageRecord.objects.get()


def error(response: Any) -> dict[str, Any]:
    body = response.json()
    assert list(body) == ["error"]
    assert {"message", "type", "param", "code"} <= set(body["error"])
    assert body["error"]["message"]
    found: dict[str, Any] = body["error"]
    return found


# --- Passing on ------------------------------------------------------------------------------------------------------


def test_a_whole_answer(program: Program, upstream: Upstream) -> None:
    upstream.say("Good day.")
    response = program.ask("Hello", temperature=0.2, seed=7, nonsense={"a": [1]}, max_tokens=50)
    assert response.status_code == 200
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"] == "Good day."
    (sent,) = upstream.chats
    assert sent.body == {
        "model": "fake",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.2,
        "seed": 7,
        "nonsense": {"a": [1]},
        "max_tokens": 50,
    }
    row = record()
    assert (row.user, row.api_key) == (program.key.user, program.key)
    assert (row.outcome, row.service, row.model_name, row.requests) == (
        "complete",
        "chat",
        "fake",
        1,
    )
    usage = body["usage"]
    assert (row.tokens_in, row.tokens_out) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert not row.estimated
    assert row.money > 0


@pytest.mark.parametrize("asked", [None, {}, {"include_usage": False}, USAGE])
def test_a_stream(program: Program, upstream: Upstream, asked: Any) -> None:
    upstream.say("Good ", "day, ", "你好.")
    said = events(program.ask(stream=True, stream_options=asked))
    assert text_of(said) == "Good day, 你好."
    assert said[-1] == "[DONE]"
    assert upstream.chats[0].body["stream_options"] == {"include_usage": True}
    only_usage = [one for one in said[:-1] if one.get("usage") and not one["choices"]]
    assert len(only_usage) == (asked == USAGE)
    row = record()
    assert (row.outcome, row.estimated) == ("complete", False)
    assert row.tokens_out > 0
    assert row.seconds_to_first_token is not None
    for kind in ("day", "month"):
        for key in (None, program.key):
            counters = UsagePeriod.objects.get(kind=kind, api_key=key)
            assert counters.used_tokens == row.tokens_in + row.tokens_out
            assert (counters.used_requests, counters.reserved_tokens) == (1, 0)


@pytest.mark.parametrize("script", ["split", "crlf", "cr", "comments", "coalesced"])
def test_however_the_bytes_come(program: Program, upstream: Upstream, script: str) -> None:
    upstream.play(Script(script, ("Good ", "day.")))
    said = events(program.ask(stream=True))
    assert text_of(said) == "Good day."
    assert not [one for one in said if one != "[DONE]" and not one["choices"]]


def test_an_endpoint_that_counts_nothing(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("no-usage", ("one two three four five six seven " * 10,)))
    events(program.ask(stream=True))
    row = record()
    assert row.estimated
    assert row.tokens_out > 50


def test_the_models(program: Program, chat_model: ChatModel, alice: User) -> None:
    listed = program.get("/v1/models").json()
    assert listed["object"] == "list"
    assert listed["data"] == [
        {"id": "fake", "object": "model", "created": 0, "owned_by": "scripted"}
    ]
    assert program.get("/v1/models/fake").json() == listed["data"][0]
    ChatModel.objects.create(endpoint=chat_model.endpoint, name="org/large")
    assert program.get("/v1/models/org/large").json()["id"] == "org/large"
    assert error(program.get("/v1/models/none"))["code"] == "model_not_found"
    plan = Plan.objects.create(name="Small", allowed_models=["fake"])
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert [row["id"] for row in program.get("/v1/models").json()["data"]] == ["fake"]


def test_tools(program: Program, upstream: Upstream) -> None:
    function = {"name": "get_weather", "parameters": {"type": "object"}}
    tools = [{"type": "function", "function": function}]
    for stream in (False, True):
        upstream.play(Script("tool", ('{"city": ', '"Oslo"}')))
        response = program.ask(tools=tools, tool_choice="auto", stream=stream)
        assert upstream.chats[-1].body["tools"] == tools
        if stream:
            deltas = [one["choices"][0]["delta"] for one in events(response)[:-1]]
            calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
            assert "".join(call["function"]["arguments"] for call in calls) == '{"city": "Oslo"}'
        else:
            message = response.json()["choices"][0]["message"]
            assert message["tool_calls"][0]["function"]["arguments"] == '{"city": "Oslo"}'


# --- Limits ----------------------------------------------------------------------------------------------------------


def test_a_model_that_the_plan_does_not_include(program: Program, alice: User) -> None:
    plan = Plan.objects.create(name="Small", allowed_models=["other"])
    User.objects.filter(pk=alice.pk).update(plan=plan)
    response = program.ask()
    assert response.status_code == 403
    assert error(response)["code"] == "model_not_allowed"
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize("of", ["person", "key"])
def test_the_requests_of_a_day(alice: User, chat_model: ChatModel, of: str) -> None:
    plan = Plan.objects.create(name="Two", requests_per_day=2 if of == "person" else None)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    program = program_of(alice, requests_per_day=2 if of == "key" else None)
    for left in ("1", "0"):
        response = program.ask()
        assert response.status_code == 200
        assert response.headers["X-RateLimit-Limit-Requests"] == "2"
        assert response.headers["X-RateLimit-Remaining-Requests"] == left
        assert response.headers["X-RateLimit-Reset-Requests"].endswith("s")
    response = program.ask()
    assert response.status_code == 429
    found = error(response)
    assert (found["type"], found["code"]) == ("insufficient_quota", "insufficient_quota")
    assert (found["quota"], found["limit"]) == ("quota_requests", 2)
    assert found["resets_at"]
    assert int(response.headers["Retry-After"]) > 0
    assert ("API key" in found["message"]) == (of == "key")


def test_the_headers_tell_what_leaves_least(alice: User, chat_model: ChatModel) -> None:
    plan = Plan.objects.create(name="Both", requests_per_day=9, requests_per_month=3)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    headers = program_of(alice, requests_per_month=5).ask().headers
    assert headers["X-RateLimit-Limit-Requests"] == "3"
    assert headers["X-RateLimit-Remaining-Requests"] == "2"
    assert "X-RateLimit-Limit-Tokens" not in headers


def test_less_is_granted_where_less_is_left(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    plan = Plan.objects.create(name="Few", tokens_per_day=800)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    program_of(alice).ask(max_completion_tokens=5_000)
    assert 256 <= upstream.chats[0].body["max_completion_tokens"] < 800
    program_of(alice).ask()
    assert "max_tokens" in upstream.chats[1].body


def test_answers_at_once(alice: User, chat_model: ChatModel, upstream: Upstream) -> None:
    plan = Plan.objects.create(name="One", concurrent_completions=1)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    upstream.play(Script("gated", ("a", "b")))
    program = program_of(alice)
    first = program.ask(stream=True)
    response = program.ask()
    assert response.status_code == 429
    assert error(response)["code"] == "rate_limit_exceeded"
    upstream.release()
    assert text_of(events(first)) == "ab"


# --- Who asks --------------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/fake"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/images/generations"),
    ("POST", "/v1/audio/speech"),
    ("POST", "/v1/audio/transcriptions"),
]


def test_every_route_is_walked() -> None:
    named = {
        str(entry.pattern) for entry in urls.urlpatterns if entry.callback is not views.unknown
    }
    paths = {path.removeprefix("/v1/") for _method, path in ROUTES}
    assert {path.replace("models/fake", "models/<path:name>") for path in paths} == named


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_gets_in_without_a_key(
    program: Program, alice: User, method: str, path: str
) -> None:
    client = Client()
    client.force_login(alice)  # a cookie is no key
    anonymous = client.generic(method, f"{path}?api_key={program.text}&key={program.text}")
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"] == 'Bearer realm="v1"'
    assert error(anonymous)["code"] == "invalid_api_key"
    for header in ("", "Basic x", "Bearer nonsense", f"Bearer {program.text}x"):
        response = client.generic(method, path, headers={"Authorization": header})
        assert (response.status_code, error(response)["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_key_that_has_ended(
    program: Program, alice: User, bob: User, method: str, path: str
) -> None:
    past = timezone.now() - timedelta(days=1)
    suspended = program_of(bob)
    services.suspend([bob])
    api_keys.revoke_keys([program.key.pk], now=timezone.now())
    for ended, why in (
        (program, "key_revoked"),
        (program_of(alice, expires_at=past), "key_expired"),
        (suspended, "key_ended"),
    ):
        client, headers = Client(), {"Authorization": f"Bearer {ended.text}"}
        response = client.generic(method, path, headers=headers)
        assert (response.status_code, error(response)["reason"]) == (401, why)
    reader = program_of(alice, scopes=["read", "write"])
    response = Client().generic(method, path, headers={"Authorization": f"Bearer {reader.text}"})
    assert (response.status_code, error(response)["code"]) == (403, "insufficient_permissions")


def test_no_cookie_is_set(program: Program) -> None:
    for response in (program.get("/v1/models"), program.ask(), Client().get("/v1/models")):
        assert not response.cookies
