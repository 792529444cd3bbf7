"""The one client of OpenAI-compatible endpoints: asks, waits, tries again, and says what went wrong.

No request, no ORM: an endpoint is an address. The bytes are read in `deltas.py`; connections and the translation
of other packages' errors are in `connections.py`, imported when the first call is made.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import random
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conversations.deltas import Delta, DeltaParser, TokenUsage
from conversations.errors import AnswerFailed

if TYPE_CHECKING:
    from conversations.connections import Refused, Reply

__all__ = [
    "ChatCall",
    "Delta",
    "EndpointAddress",
    "TokenUsage",
    "close_clients",
    "list_models",
    "load",
    "stream_chat",
]

logger = logging.getLogger(__name__)

MAX_RETRIES = 2
BACK_OFF_SECONDS = 0.25  # twice that before the second retry; up to double by chance
MAX_RETRY_AFTER_SECONDS = 5.0
MOST_MODELS = 1_000  # of one endpoint: each becomes a row, and one to choose from on every page
FINISH_GRACE_SECONDS = 2.0  # for usage and [DONE] after a finish_reason

_LIMIT_NAMES = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
_OPTIONAL = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "stream_options")
_UNSUPPORTED = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|not permitted|not allowed|extra_forbidden",
    re.IGNORECASE,
)

_loaded = False


@dataclass(frozen=True)
class EndpointAddress:
    """Who serves a model, and how long it may take.

    base_url: as configured, `https://host/v1`; paths are appended to it.
    api_key: empty for servers without keys.
    first_delta_seconds: from the request until content or reasoning arrives, headers included.
    silence_seconds: between two events after that; keep-alive comments do not count.
    total_seconds: the whole answer with its retries.
    proxy: URL of an HTTP proxy; empty for none. Proxy variables of the environment are not read.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    connect_seconds: float = 10
    first_delta_seconds: float = 60
    silence_seconds: float = 60
    total_seconds: float = 1800
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True)
class ChatCall:
    """What is asked.

    messages: `{"role": …, "content": …}`, oldest first.
    max_tokens: the answer's limit, always sent, under the name that `max_tokens_parameter` gives.
    parameters: any of temperature, top_p, presence_penalty, frequency_penalty.
    """

    model: str
    messages: Sequence[Mapping[str, str]] = field(repr=False)
    max_tokens: int
    max_tokens_parameter: str = "max_tokens"
    parameters: Mapping[str, float] = field(default_factory=dict)


async def stream_chat(endpoint: EndpointAddress, call: ChatCall) -> AsyncGenerator[Delta, None]:
    """The answer, as it arrives; ends normally only if the answer is complete.

    Parameters that the endpoint refused are reported first, one delta each.
    Closing the generator, or cancelling the task that reads it, closes the connection to the endpoint.
    Raises AnswerFailed with a code of `errors.SENTENCES` or of the endpoint's error frame.
    """
    await load()
    loop = asyncio.get_running_loop()
    total_at = loop.time() + endpoint.total_seconds
    reply, first_at, dropped = await _open(endpoint, call, total_at)
    parser = DeltaParser(event_stream=reply.content_type == "text/event-stream")
    try:
        for name in dropped:
            yield Delta(dropped_parameter=name)
        until = first_at
        while not parser.done:
            events = parser.events
            try:
                data = await reply.read(min(until, total_at))
            except (TimeoutError, AnswerFailed) as error:
                if parser.finished:
                    break
                if isinstance(error, AnswerFailed):
                    raise
                raise _timed_out(parser, total=loop.time() >= total_at) from None
            delta = parser.feed(data) if data else parser.end()
            if delta is not None:
                yield delta
            else:  # comments and blank lines without an end must not keep other answers waiting
                await asyncio.sleep(0)
            if parser.failure is not None:
                raise parser.failure
            if not data:
                break
            if parser.finished:
                until = min(until, loop.time() + FINISH_GRACE_SECONDS)
            elif parser.begun and parser.events > events:
                until = loop.time() + endpoint.silence_seconds
    finally:
        reply.close(linger=parser.done)
        if parser.bad_lines:
            logger.warning("Skipped %d lines of an answer that are not events", parser.bad_lines)


async def list_models(endpoint: EndpointAddress) -> list[str]:
    """At most MOST_MODELS of the ids that `/models` names, in its order, each once. Raises AnswerFailed."""
    await load()
    from conversations import connections

    try:
        async with asyncio.timeout(endpoint.first_delta_seconds):
            body = await connections.get(endpoint, "/models")
    except TimeoutError:
        raise AnswerFailed("timeout_first", "list of models") from None
    try:
        rows = json.loads(body)["data"]
        names = [row["id"] for row in rows]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise AnswerFailed("upstream_malformed", "not a list of models") from None
    return list(dict.fromkeys(name for name in names if _is_model_name(name)))[:MOST_MODELS]


async def close_clients() -> None:
    """Close the running loop's connections to endpoints; for the end of a process."""
    if _loaded:
        from conversations import connections

        await connections.close_clients()


async def load() -> None:
    """Import what speaks to endpoints, in a thread: it takes half a second, in which other answers go on."""
    global _loaded
    if not _loaded:
        await asyncio.to_thread(importlib.import_module, "conversations.connections")
        _loaded = True


async def _open(
    endpoint: EndpointAddress, call: ChatCall, total_at: float
) -> tuple[Reply, float, list[str]]:
    """The accepted reply, the time by which its first delta is due, and the parameters left out."""
    from conversations.connections import Refused

    loop = asyncio.get_running_loop()
    body = _body(call)
    dropped: list[str] = []
    retries = 0
    while True:
        first_at = loop.time() + endpoint.first_delta_seconds
        try:
            return await _send(endpoint, body, first_at, total_at), first_at, dropped
        except Refused as refusal:
            name = _refused_parameter(refusal, body)
            if not name or _LIMIT_NAMES.get(name) in dropped:
                raise
            value = body.pop(name)
            if name in _LIMIT_NAMES:
                body[_LIMIT_NAMES[name]] = value
            dropped.append(name)
        except AnswerFailed as failure:
            pause = _pause(failure, retries)
            if pause is None or loop.time() + pause >= total_at:
                raise
            retries += 1
            logger.info("Asking the endpoint again in %.2f s: %s", pause, failure)
            await asyncio.sleep(pause)


async def _send(
    endpoint: EndpointAddress, body: Mapping[str, Any], first_at: float, total_at: float
) -> Reply:
    from conversations import connections

    try:
        async with asyncio.timeout_at(min(first_at, total_at)):
            return await connections.post(endpoint, "/chat/completions", body)
    except TimeoutError:
        code = "timeout_total" if total_at <= first_at else "timeout_first"
        raise AnswerFailed(code, "before the headers") from None


def _body(call: ChatCall) -> dict[str, Any]:
    return {
        "model": call.model,
        "messages": [dict(message) for message in call.messages],
        call.max_tokens_parameter: call.max_tokens,
        **call.parameters,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _refused_parameter(refusal: Refused, body: Mapping[str, Any]) -> str:
    """The sent parameter that the endpoint does not know, or empty: OpenAI names it, others only mention it."""
    if refusal.code == "context_too_long" or not _UNSUPPORTED.search(refusal.message):
        return ""
    sent = [name for name in (*_LIMIT_NAMES, *_OPTIONAL) if name in body]
    named = refusal.parameter.partition(".")[0]
    if named in sent:
        return named
    mentioned = (name for name in sent if re.search(rf"\b{name}\b", refusal.message))
    return next(mentioned, "")


def _pause(failure: AnswerFailed, retries: int) -> float | None:
    """Seconds until the call may be repeated; None if it may not."""
    asked = failure.retry_after or 0.0
    if not failure.retryable or retries >= MAX_RETRIES or asked > MAX_RETRY_AFTER_SECONDS:
        return None
    back_off = BACK_OFF_SECONDS * (retries + 1)
    return max(asked, back_off) + random.uniform(0, back_off)  # noqa: S311  spreads load, guards nothing


def _timed_out(parser: DeltaParser, *, total: bool) -> AnswerFailed:
    if total:
        return AnswerFailed("timeout_total")
    return AnswerFailed("timeout_silence" if parser.begun else "timeout_first")


def _is_model_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable()
