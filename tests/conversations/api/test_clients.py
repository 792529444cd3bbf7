"""Clients as they are published, unchanged, against a running site: the official package, curl, and one of others."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from huggingface_hub import InferenceClient

from tests.browser.people import ADMINISTRATOR
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.processes

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream) -> Iterator[Site]:
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": endpoint.url}
    with Site(tmp_path_factory.mktemp("clients"), **variables) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return key_of(site)


def key_of(site: Site) -> str:
    """The administrator's."""
    make = (
        "from django.utils import timezone; from accounts import api_keys;"
        "from accounts.models import User;"
        "print(api_keys.create_key(User.objects.get(), name='k', now=timezone.now())[1])"
    )
    return site.run(make).strip()


@pytest.fixture
def upstream(endpoint: Upstream) -> Upstream:
    endpoint.reset()
    return endpoint


@pytest.fixture
def client(site: Site, key: str, upstream: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=key) as made:
        yield made


# --- The official package --------------------------------------------------------------------------------------------


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fake"]
    assert client.models.retrieve("fake").owned_by


def test_a_whole_answer(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.say("Good day.")
    answer = client.chat.completions.create(model="fake", messages=HELLO, temperature=0)
    assert answer.choices[0].message.content == "Good day."
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_a_stream(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.say("Good ", "day, ", "你好.")
    text, usage = "", None
    for chunk in client.chat.completions.create(
        model="fake", messages=HELLO, stream=True, stream_options={"include_usage": True}
    ):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    assert text == "Good day, 你好."
    assert usage is not None


def test_the_helper_for_streams(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.say("Good ", "day.")
    with client.chat.completions.stream(model="fake", messages=HELLO) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content == "Good day."


def test_tools(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.play(Script("tool", ('{"city": ', '"Oslo"}')), Script("tool", ('{"city": "Oslo"}',)))
    with client.chat.completions.stream(model="fake", messages=HELLO, tools=WEATHER) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Oslo"},
    )
    answer = client.chat.completions.create(model="fake", messages=HELLO, tools=WEATHER)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert upstream.chats[-1].body["tools"] == WEATHER


def test_without_blocking(site: Site, key: str, upstream: Upstream) -> None:
    upstream.say("One.")
    upstream.say("Two.")

    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=key) as client:
            stream = await client.chat.completions.create(model="fake", messages=HELLO, stream=True)
            first = [chunk.choices[0].delta.content or "" async for chunk in stream]
            whole = await client.chat.completions.create(model="fake", messages=HELLO)
            return ["".join(first), whole.choices[0].message.content or ""]

    assert asyncio.run(ask()) == ["One.", "Two."]


def test_pictures_and_json_go_through(client: openai.OpenAI, upstream: Upstream) -> None:
    messages: Any = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        }
    ]
    upstream.say("{}")
    client.chat.completions.create(
        model="fake", messages=messages, response_format={"type": "json_object"}, logprobs=True, n=1
    )
    body = upstream.chats[-1].body
    assert body["messages"] == messages
    assert (body["response_format"], body["logprobs"]) == ({"type": "json_object"}, True)


def test_the_client_tries_again_by_itself(client: openai.OpenAI, upstream: Upstream) -> None:
    """The site has tried three times; the client's second call is answered."""
    upstream.play(*["503"] * 3)
    upstream.say("Good day.")
    answer = client.chat.completions.create(model="fake", messages=HELLO)
    assert answer.choices[0].message.content == "Good day."
    assert len(upstream.chats) == 4


def test_errors_are_those_of_the_package(
    client: openai.OpenAI, site: Site, upstream: Upstream
) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        openai.OpenAI(base_url=f"{site.url}/v1", api_key="sk-x").models.list()
    assert wrong_key.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as no_model:
        client.chat.completions.create(model="none", messages=HELLO)
    assert (no_model.value.code, no_model.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as no_messages:
        client.chat.completions.create(model="fake", messages=[])
    assert no_messages.value.param == "messages"
    upstream.script = Script("context")
    with pytest.raises(openai.BadRequestError) as too_long:
        client.chat.completions.create(model="fake", messages=HELLO)
    assert too_long.value.code == "context_length_exceeded"
    upstream.script = Script("401")
    with pytest.raises(openai.InternalServerError) as key_of_the_site:
        client.with_options(max_retries=0).chat.completions.create(model="fake", messages=HELLO)
    assert key_of_the_site.value.status_code == 502


def test_a_stream_that_breaks_raises(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.play(Script("eof", ("Good ", "day.")))
    pieces = []

    def read() -> None:
        for chunk in client.chat.completions.create(model="fake", messages=HELLO, stream=True):
            pieces.append(chunk.choices[0].delta.content or "")

    with pytest.raises(openai.APIError, match="broke off"):
        read()
    assert "".join(pieces) == "Good day."


def test_the_endpoint_is_let_go_when_the_client_leaves(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.play(Script("gated", ("Good ", "day.")))
    stream = client.chat.completions.create(model="fake", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()
    assert upstream.chats[-1].wait_closed(2)


def test_the_endpoint_is_let_go_when_who_waits_for_a_whole_answer_leaves(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.play(Script("hang"))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5, max_retries=0).chat.completions.create(
            model="fake", messages=HELLO
        )
    assert upstream.chats[-1].wait_closed(2)


def test_the_model_in_the_box(tmp_path: Path) -> None:
    """A real one: it streams, is given tools, and says what it cannot take."""
    with Site(tmp_path, **ADMINISTRATOR, LOCAL_MODEL="").wait_until_ready() as site:
        with openai.OpenAI(base_url=f"{site.url}/v1", api_key=key_of(site)) as client:
            (model,) = client.models.list()
            chunks = list(
                client.chat.completions.create(
                    model=model.id,
                    messages=HELLO,
                    max_tokens=16,
                    stream=True,
                    stream_options={"include_usage": True},
                )
            )
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
            assert chunks[-1].usage is not None
            answer = client.chat.completions.create(
                model=model.id, messages=HELLO, tools=WEATHER, max_tokens=16
            )
            assert answer.choices[0].finish_reason in {"stop", "length", "tool_calls"}
            too_long: Any = [{"role": "user", "content": "word " * 9_000}]
            with pytest.raises(openai.BadRequestError) as refused:
                client.chat.completions.create(model=model.id, messages=too_long)
            assert refused.value.code == "context_length_exceeded"


# --- Others ----------------------------------------------------------------------------------------------------------


def test_another_library(site: Site, key: str, upstream: Upstream) -> None:
    upstream.say("Good ", "day.")
    upstream.say("Good day.")
    client = InferenceClient(base_url=f"{site.url}/v1", api_key=key)
    pieces = client.chat.completions.create(HELLO, model="fake", stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Good day."
    answer = client.chat.completions.create(HELLO, model="fake")
    assert answer.choices[0].message.content == "Good day."


def test_curl(site: Site, key: str, upstream: Upstream, tmp_path: Path) -> None:
    upstream.say("Good ", "day.")
    said = subprocess.run(
        ["curl", "-sN", f"{site.url}/v1/chat/completions", "-H", f"Authorization: Bearer {key}",
         "-H", "Content-Type: application/json",
         "-d", json.dumps({"model": "fake", "messages": HELLO, "stream": True})],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert '"content": "Good "' in said
    assert said.endswith("data: [DONE]\n\n")
