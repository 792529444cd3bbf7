"""The client of endpoints, against a real server: what it asks, and what it understands."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from conversations.upstream.client import close_clients, list_models
from conversations.upstream.deltas import TokenUsage
from tests.conversations.calls import QUESTION, address, ask, chat, text_of, usage_of
from tests.upstream import Script, Upstream
from tests.upstream.play import echo


def test_answer_arrives_whole(upstream: Upstream) -> None:
    deltas = ask(address(upstream))

    assert text_of(deltas) == echo("Say something")
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]
    usage = usage_of(deltas)
    assert usage is not None
    assert (usage.prompt, usage.cached) == (2, 0)


def test_request_says_what_was_asked(upstream: Upstream) -> None:
    ask(address(upstream), chat(parameters={"temperature": 0.3, "top_p": 0.9}))

    received = upstream.requests[0]
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.headers["Authorization"] == "Bearer sk-test"
    assert received.body == {
        "model": "fake",
        "messages": QUESTION,
        "max_tokens": 500,
        "temperature": 0.3,
        "top_p": 0.9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_limit_goes_under_the_name_of_the_model_row(upstream: Upstream) -> None:
    deltas = ask(
        address(upstream), chat(max_tokens=3, max_tokens_parameter="max_completion_tokens")
    )

    assert upstream.requests[0].body["max_completion_tokens"] == 3
    assert "max_tokens" not in upstream.requests[0].body
    assert deltas[-1].finish_reason == "length" or deltas[-2].finish_reason == "length"


def test_no_key_sends_no_credentials(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")

    ask(address(upstream, api_key=""))

    headers = upstream.requests[0].headers
    assert "Authorization" not in headers
    assert "from-the-environment" not in str(headers)


@pytest.mark.parametrize(
    "script", ["crlf", "cr", "comments", "coalesced", "split", "garbage", "cookie", "no-done"]
)
def test_answer_is_the_same_however_it_is_written(upstream: Upstream, script: str) -> None:
    upstream.play(Script.parse(script, "Grüße, ", "世界 ", "🙂👩‍🔬", "\n", "end"))

    deltas = ask(address(upstream))

    assert text_of(deltas) == "Grüße, 世界 🙂👩‍🔬\nend"
    assert usage_of(deltas) == TokenUsage(prompt=2, completion=5)


def test_events_of_one_packet_are_one_delta(upstream: Upstream) -> None:
    upstream.play(Script.parse("coalesced", *(f"{n} " for n in range(50))))

    deltas = ask(address(upstream))

    assert len(deltas) < 5
    assert text_of(deltas) == "".join(f"{n} " for n in range(50))


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_apart_from_the_answer(upstream: Upstream, field: str) -> None:
    upstream.play(Script.parse(f"reasoning field={field}", "Yes."))

    deltas = ask(address(upstream))

    assert "".join(delta.reasoning for delta in deltas) == "Let me think."
    assert text_of(deltas) == "Yes."


def test_content_may_be_a_list_of_parts(upstream: Upstream) -> None:
    upstream.play("parts")

    deltas = ask(address(upstream))

    assert text_of(deltas) == "Hello"
    assert "".join(delta.reasoning for delta in deltas) == "Hm."


def test_text_is_always_storable(upstream: Upstream) -> None:
    upstream.play("surrogates")

    assert text_of(ask(address(upstream))) == "one \ufffd twothree four😀 five"


def test_empty_answer_is_complete(upstream: Upstream) -> None:
    upstream.play("empty")

    deltas = ask(address(upstream))

    assert text_of(deltas) == ""
    assert any(delta.finish_reason == "stop" for delta in deltas)


@pytest.mark.parametrize("script", ["no-usage", "absurd-usage"])
def test_usage_is_given_only_if_it_can_be_true(upstream: Upstream, script: str) -> None:
    upstream.play(Script.parse(script, "Hi"))

    deltas = ask(address(upstream))

    assert text_of(deltas) == "Hi"
    assert usage_of(deltas) is None


def test_finish_reason_is_enough_when_the_endpoint_then_hangs(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.upstream.client.FINISH_GRACE_SECONDS", 0.1)
    upstream.play(Script.parse("no-done hold=1", "Hi"))

    assert text_of(ask(address(upstream))) == "Hi"
    assert upstream.requests[0].wait_closed()


def test_skipped_lines_are_counted_in_the_log_without_their_text(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.play(Script.parse("garbage", "One ", "two"))

    with caplog.at_level(logging.DEBUG):
        ask(address(upstream), chat(messages=[{"role": "user", "content": "my secret"}]))

    assert "Skipped 6 lines" in caplog.text
    for secret in ("my secret", "nonsense", "One ", "sk-test"):
        assert secret not in caplog.text


def test_addresses_and_calls_do_not_print_keys_or_prompts(upstream: Upstream) -> None:
    assert "sk-test" not in repr(address(upstream))
    assert "Say something" not in repr(chat())


# --- Parameters that an endpoint refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["code", "message", "422"])
@pytest.mark.parametrize("name", ["temperature", "stream_options"])
def test_refused_parameter_is_left_out_and_reported(
    upstream: Upstream, name: str, style: str
) -> None:
    upstream.script = Script.parse(f"unsupported name={name} style={style}", "Hi")

    deltas = ask(address(upstream), chat(parameters={"temperature": 0.3}))

    assert deltas[0].dropped_parameter == name
    assert text_of(deltas) == "Hi"
    first, second = upstream.requests
    assert set(first.body) - set(second.body) == {name}


@pytest.mark.parametrize(
    ("refused", "other"),
    [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")],
)
def test_limit_is_sent_again_under_its_other_name(
    upstream: Upstream, refused: str, other: str
) -> None:
    upstream.script = Script.parse(f"unsupported name={refused}", "Hi")

    deltas = ask(address(upstream), chat(max_tokens_parameter=refused))

    assert deltas[0].dropped_parameter == refused
    assert upstream.requests[1].body[other] == 500
    assert refused not in upstream.requests[1].body


def test_several_refused_parameters_are_reported_one_by_one(upstream: Upstream) -> None:
    upstream.script = Script.parse("unsupported name=max_tokens,temperature", "Hi")

    deltas = ask(address(upstream), chat(parameters={"temperature": 0.3}))

    assert [delta.dropped_parameter for delta in deltas[:3]] == ["max_tokens", "temperature", ""]
    assert text_of(deltas) == "Hi"


# --- Models ----------------------------------------------------------------------------------------------------------


def models_of(upstream: Upstream) -> list[str]:
    async def run() -> list[str]:
        names = await list_models(address(upstream))
        await close_clients()
        return names

    return asyncio.run(run())


def test_models_are_listed_once_each_in_order(upstream: Upstream) -> None:
    upstream.models = ["b", "a", "b", "", "x" * 300]

    assert models_of(upstream) == ["b", "a"]
    assert upstream.requests[0].path == "/v1/models"


def test_models_without_an_end_are_cut(upstream: Upstream) -> None:
    upstream.models = [f"model-{number}" for number in range(1_500)]

    assert models_of(upstream) == upstream.models[:1_000]


# --- Weight ----------------------------------------------------------------------------------------------------------


def test_the_openai_package_is_not_imported_before_the_first_call() -> None:
    code = (
        "import django, sys; from django.conf import settings; settings.configure();"
        "import conversations.upstream;"
        "sys.exit(any(name in sys.modules for name in ('openai', 'aiohttp', 'httpx2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
