"""Calls of the client of endpoints without a site around it."""

from __future__ import annotations

import asyncio

from conversations.upstream.client import close_clients, stream_chat
from conversations.upstream.deltas import Delta, TokenUsage
from conversations.upstream.requests import ChatCall, EndpointAddress
from tests.upstream import Upstream

QUESTION = [{"role": "user", "content": "Say something"}]


def address(upstream: Upstream, **fields: object) -> EndpointAddress:
    return EndpointAddress(**{"base_url": upstream.url, "api_key": "sk-test", **fields})  # type: ignore[arg-type]  # mixed values


def chat(**fields: object) -> ChatCall:
    return ChatCall(**{"model": "fake", "messages": QUESTION, "max_tokens": 500, **fields})  # type: ignore[arg-type]  # mixed values


async def collect(endpoint: EndpointAddress, call: ChatCall) -> list[Delta]:
    return [delta async for delta in stream_chat(endpoint, call)]


def ask(endpoint: EndpointAddress, call: ChatCall | None = None) -> list[Delta]:
    async def run() -> list[Delta]:
        try:
            return await collect(endpoint, call or chat())
        finally:
            await close_clients()

    return asyncio.run(run())


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def usage_of(deltas: list[Delta]) -> TokenUsage | None:
    return next((delta.usage for delta in reversed(deltas) if delta.usage), None)
