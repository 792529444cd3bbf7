"""How an answer fails: the code for each fault, what is tried again, and which clock runs when."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing, suppress
from typing import Any

import pytest

from conversations.errors import AnswerFailed
from conversations.upstream.client import close_clients, list_models, stream_chat
from conversations.upstream.requests import ChatCall, EndpointAddress
from tests.upstream import Script, Upstream

CALL = ChatCall(model="fake", messages=[{"role": "user", "content": "Hi"}], max_tokens=500)


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversations.upstream.client.BACK_OFF_SECONDS", 0.01)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """The first call imports the package; that is not to be measured by short time-outs."""
    with Upstream() as server:
        outcome(EndpointAddress(server.url))


def outcome(endpoint: EndpointAddress, call: ChatCall = CALL) -> tuple[str, AnswerFailed | None]:
    """The text that arrived, and how it failed if it did."""

    async def run() -> tuple[str, AnswerFailed | None]:
        text = ""
        try:
            async for delta in stream_chat(endpoint, call):
                text += delta.text
        except AnswerFailed as failure:
            return text, failure
        finally:
            await close_clients()
        return text, None

    return asyncio.run(run())


def code_of(endpoint: EndpointAddress) -> str:
    failure = outcome(endpoint)[1]
    return failure.code if failure else ""


def unused_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("script", "code", "requests"),
    [
        ("401", "upstream_auth", 1),
        ("403", "upstream_auth", 1),
        ("404", "upstream_error", 1),
        ("redirect", "upstream_error", 1),
        ("context", "context_too_long", 1),
        ("context style=llama", "context_too_long", 1),
        ("context style=message", "context_too_long", 1),
        ("429", "upstream_rate_limited", 3),
        ("500", "upstream_error", 3),
        ("503", "upstream_error", 3),
        ("503 retry-after=0", "upstream_overloaded", 3),
        ("cut before=1", "upstream_cut", 3),
        ("reset before=1", "upstream_cut", 3),
        ("json", "upstream_malformed", 1),
        ("html", "upstream_malformed", 1),
    ],
)
def test_failure_before_the_answer(
    upstream: Upstream, script: str, code: str, requests: int
) -> None:
    upstream.script = Script.parse(script)

    text, failure = outcome(EndpointAddress(upstream.url))

    assert text == ""
    assert failure is not None
    assert failure.code == code
    assert failure.retryable == (requests > 1)
    assert len(upstream.requests) == requests


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("cut", "upstream_cut"),
        ("reset", "upstream_cut"),
        ("eof", "upstream_cut"),
        ("long-line", "upstream_malformed"),
        ("error-frame", "overloaded"),
        ("error-frame code=Rate-Limit.Reached", "rate_limit_reached"),
        ("error-frame code=---", "upstream_error"),
    ],
)
def test_failure_in_the_middle_keeps_the_text_and_is_not_tried_again(
    upstream: Upstream, script: str, code: str
) -> None:
    upstream.script = Script.parse(script, "Half an ans")

    text, failure = outcome(EndpointAddress(upstream.url))

    assert text == "Half an ans"
    assert failure is not None
    assert (failure.code, failure.retryable) == (code, False)
    assert len(upstream.wait_for_requests()) == 1


@pytest.mark.parametrize("script", ["long-line", "error-frame", "html"])
def test_connection_is_closed_when_reading_stops(upstream: Upstream, script: str) -> None:
    upstream.script = Script.parse(script)

    outcome(EndpointAddress(upstream.url))

    assert upstream.requests[0].wait_closed(1)


# Trying again


@pytest.mark.parametrize("script", ["429", "500", "503", "cut before=1"])
@pytest.mark.parametrize("times", [1, 2])
def test_passing_trouble_is_not_noticed(upstream: Upstream, script: str, times: int) -> None:
    upstream.play(*[script] * times)
    upstream.script = Script.parse("answer", "Here.")

    assert outcome(EndpointAddress(upstream.url)) == ("Here.", None)
    assert len(upstream.requests) == times + 1


def test_other_answers_go_on_while_one_has_millions_of_comments(upstream: Upstream) -> None:
    upstream.play("bomb size=5000000")

    async def run() -> float:
        """The longest that the loop stood still, in seconds of this process."""
        longest = 0.0
        asking = asyncio.create_task(_drain(EndpointAddress(upstream.url)))
        while not asking.done():
            start = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        await close_clients()
        return longest

    assert asyncio.run(run()) < 0.3


async def _drain(endpoint: EndpointAddress) -> None:
    with suppress(AnswerFailed):
        async for _delta in stream_chat(endpoint, CALL):
            pass


def test_unreachable(upstream: Upstream) -> None:
    failure = outcome(EndpointAddress(f"http://127.0.0.1:{unused_port()}/v1"))[1]

    assert failure is not None
    assert (failure.code, failure.retryable) == ("upstream_unreachable", True)


@pytest.mark.parametrize(
    "address",
    [
        {"base_url": "http://name.invalid/v1"},
        {"base_url": "http://127.0.0.1:9/v1", "proxy": "http://127.0.0.1:9"},
        {"base_url": "ftp://127.0.0.1/v1"},
        {"base_url": "http:///v1"},
    ],
)
def test_address_that_leads_nowhere(address: dict[str, Any]) -> None:
    assert code_of(EndpointAddress(**address)) == "upstream_unreachable"


def test_key_that_no_header_can_carry_is_not_quoted(upstream: Upstream) -> None:
    failure = outcome(EndpointAddress(upstream.url, api_key="sk-ключ\n"))[1]

    assert failure is not None
    assert failure.code == "upstream_auth"
    assert "ключ" not in str(failure)
    assert upstream.requests == []


def test_retry_after_is_honoured(upstream: Upstream) -> None:
    upstream.play("429 retry-after=1")
    start = time.monotonic()

    assert outcome(EndpointAddress(upstream.url))[1] is None
    assert time.monotonic() - start >= 1


def test_long_retry_after_is_handed_to_the_caller(upstream: Upstream) -> None:
    upstream.script = Script.parse("429 retry-after=30")

    failure = outcome(EndpointAddress(upstream.url))[1]

    assert failure is not None
    assert failure.retry_after == 30
    assert len(upstream.requests) == 1


def test_retries_end_with_the_whole_time(upstream: Upstream) -> None:
    upstream.script = Script.parse("503")
    start = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conversations.upstream.client.BACK_OFF_SECONDS", 60)

        assert code_of(EndpointAddress(upstream.url, total_seconds=5)) == "upstream_error"

    assert time.monotonic() - start < 5
    assert len(upstream.requests) == 1


def test_parameter_refused_under_both_names_is_an_error(upstream: Upstream) -> None:
    upstream.script = Script.parse("unsupported name=max_tokens,max_completion_tokens")

    assert code_of(EndpointAddress(upstream.url)) == "upstream_error"
    assert len(upstream.requests) == 2


def test_parameter_that_was_not_sent_is_an_error(upstream: Upstream) -> None:
    upstream.script = Script.parse("unsupported name=messages")

    assert code_of(EndpointAddress(upstream.url)) == "upstream_error"
    assert len(upstream.requests) == 1


# Time-outs


@pytest.mark.parametrize(
    ("script", "clock", "code"),
    [
        ("hang", "first_delta_seconds", "timeout_first"),
        ("quiet", "first_delta_seconds", "timeout_first"),
        ("quiet comments=1", "first_delta_seconds", "timeout_first"),
        ("stall", "silence_seconds", "timeout_silence"),
        ("stall comments=1", "silence_seconds", "timeout_silence"),
        ("hang", "total_seconds", "timeout_total"),
        ("stall", "total_seconds", "timeout_total"),
        ("slow tokens=1000 rate=100", "total_seconds", "timeout_total"),
    ],
)
def test_time_out_ends_the_answer_and_is_never_tried_again(
    upstream: Upstream, script: str, clock: str, code: str
) -> None:
    upstream.script = Script.parse(script)

    clocks: dict[str, Any] = {clock: 0.5}  # a busy machine must have sent the request by then

    failure = outcome(EndpointAddress(upstream.url, **clocks))[1]

    assert failure is not None
    assert (failure.code, failure.retryable) == (code, False)
    assert len(upstream.requests) == 1
    assert upstream.requests[0].wait_closed(1)


def test_first_delta_may_take_longer_than_silence(upstream: Upstream) -> None:
    upstream.play(Script.parse("gated headers=1", "Late"))

    async def run() -> str:
        task = asyncio.create_task(anext(stream_chat(endpoint, CALL)))
        await asyncio.to_thread(upstream.wait_for_requests)
        assert not (await asyncio.wait([task], timeout=0.3))[0]
        upstream.release()
        text = (await task).text
        await close_clients()
        return text

    endpoint = EndpointAddress(upstream.url, silence_seconds=0.1, first_delta_seconds=30)
    assert asyncio.run(run()) == "Late"


def test_steady_answer_outlives_first_delta_and_silence(upstream: Upstream) -> None:
    upstream.script = Script.parse("slow tokens=30 rate=30")
    endpoint = EndpointAddress(upstream.url, first_delta_seconds=0.5, silence_seconds=0.5)

    text, failure = outcome(endpoint)

    assert failure is None
    assert text.split()[-1] == "word29"


def test_connect_time_out_is_unreachable_and_not_tried_again() -> None:
    with closing(socket.socket()) as full, closing(socket.socket()) as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # nobody accepts, and one connection fills the queue
        first.connect(full.getsockname())
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        port = full.getsockname()[1]

        failure = outcome(EndpointAddress(f"http://127.0.0.1:{port}/v1", connect_seconds=0.2))[1]

        for filler in fillers:
            filler.close()
    assert failure is not None
    assert (failure.code, failure.retryable) == ("upstream_unreachable", False)


# Models


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("401", "upstream_auth"),
        ("500", "upstream_error"),
        ("html", "timeout_first"),
        ("hang", "timeout_first"),
        ("json", "upstream_malformed"),
        ("cut", "upstream_cut"),
    ],
)
def test_models_fail_with_the_same_codes(upstream: Upstream, script: str, code: str) -> None:
    upstream.models_script = Script.parse(script)

    async def run() -> list[str]:
        try:
            return await list_models(EndpointAddress(upstream.url, first_delta_seconds=0.5))
        finally:
            await close_clients()

    with pytest.raises(AnswerFailed) as caught:
        asyncio.run(run())
    assert caught.value.code == code
