"""The connections of the client of endpoints, to a real server: what it keeps, and what it lets go of."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from conversations.upstream.client import close_clients, stream_chat
from conversations.upstream.deltas import Delta
from conversations.upstream.requests import EndpointAddress
from tests.conversations.calls import address, ask, chat, collect, text_of
from tests.proxy import RecordingProxy
from tests.upstream import Script, Upstream
from tests.upstream.play import echo


def test_connection_is_kept_for_the_next_answer(upstream: Upstream) -> None:
    async def twice() -> None:
        await collect(address(upstream), chat())
        # The reply's last bytes may still be on their way when `[DONE]` is read.
        assert await asyncio.to_thread(upstream.requests[0].wait_ended)
        await asyncio.sleep(0.05)
        await collect(address(upstream), chat())
        await close_clients()

    asyncio.run(twice())
    first, second = upstream.requests
    assert first.connection == second.connection


def test_cookies_of_an_endpoint_are_not_kept(upstream: Upstream) -> None:
    upstream.script = Script("cookie")
    endpoint = address(upstream, base_url=upstream.url.replace("127.0.0.1", "localhost"))

    async def twice() -> None:
        await collect(endpoint, chat())
        await collect(endpoint, chat())
        await close_clients()

    asyncio.run(twice())
    assert len(upstream.requests) == 2
    assert all("Cookie" not in received.headers for received in upstream.requests)


def test_only_the_configured_proxy_is_used(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordingProxy() as proxy, RecordingProxy() as ambient:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, ambient.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

        direct = ask(address(upstream))
        through = ask(address(upstream, proxy=proxy.url))

        assert text_of(direct) == text_of(through) == echo("Say something")
        assert ambient.seen == []
        assert proxy.seen == [("POST", f"{upstream.url}/chat/completions")]


def test_closing_the_generator_closes_the_connection(upstream: Upstream) -> None:
    upstream.play("stall")

    async def stop_after_first() -> None:
        answer = stream_chat(address(upstream), chat())
        async for delta in answer:
            if delta.text:
                break
        await answer.aclose()
        assert await asyncio.to_thread(upstream.requests[0].wait_closed, 1)
        await close_clients()

    asyncio.run(stop_after_first())


@pytest.mark.parametrize("script", ["hang", "gated headers=1", "quiet", "stall", "slow tokens=500"])
def test_cancelling_closes_the_connection_within_a_second(upstream: Upstream, script: str) -> None:
    upstream.play(script)

    async def cancel() -> None:
        task = asyncio.create_task(collect(address(upstream), chat()))
        await asyncio.to_thread(upstream.wait_for_requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(upstream.requests[0].wait_closed, 1)
        await close_clients()

    asyncio.run(cancel())


def test_cancelling_does_not_wait_until_a_long_request_is_written() -> None:
    size = 40_000_000
    call = chat(messages=[{"role": "user", "content": "x" * size}])

    def drain(connection: socket.socket) -> int:
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(1 << 20):
                received += len(data)
        return received

    async def cancel(server: socket.socket) -> int:
        endpoint = EndpointAddress(f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        task = asyncio.create_task(collect(endpoint, call))
        connection = (await asyncio.to_thread(server.accept))[0]
        with connection:
            connection.settimeout(10)
            await asyncio.to_thread(connection.recv, 1000)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            received = await asyncio.to_thread(drain, connection)
        await close_clients()
        return received

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        assert asyncio.run(cancel(server)) < size


def test_long_question_arrives_whole(upstream: Upstream) -> None:
    question = "x" * 3_000_000

    ask(address(upstream), chat(messages=[{"role": "user", "content": question}]))

    assert upstream.requests[0].text == question


def test_answers_run_side_by_side(upstream: Upstream) -> None:
    upstream.script = Script.parse("gated", "a", "b")

    async def run() -> list[list[Delta]]:
        tasks = [asyncio.create_task(collect(address(upstream), chat())) for _ in range(150)]
        await asyncio.to_thread(upstream.wait_for_requests, 150)
        upstream.release(150)
        answers = await asyncio.gather(*tasks)
        await close_clients()
        return answers

    assert {text_of(deltas) for deltas in asyncio.run(run())} == {"ab"}


def test_every_loop_has_its_own_clients(upstream: Upstream) -> None:
    answers = [text_of(ask(address(upstream))) for _ in range(3)]

    assert answers == [echo("Say something")] * 3


def test_slow_reader_is_not_a_silent_endpoint(upstream: Upstream) -> None:
    upstream.play(Script.parse("gated", "a", "b"))

    async def read_slowly() -> str:
        text = ""
        async for delta in stream_chat(address(upstream, silence_seconds=0.2), chat()):
            text += delta.text
            if delta.text == "a":
                upstream.release()
                await asyncio.to_thread(upstream.requests[0].wait_ended)
                await asyncio.sleep(0.3)  # longer than the silence allowed
        await close_clients()
        return text

    assert asyncio.run(read_slowly()) == "ab"
