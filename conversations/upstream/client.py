"""The one client of OpenAI-compatible endpoints: asks, waits, tries again, and says what went wrong.

The bytes are read in `deltas.py`; connections and the translation of other packages' errors are in `connections.py`,
on `transport.py`, imported when the first call is made.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import random
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..errors import AnswerFailed
from .deltas import Delta, DeltaParser
from .requests import ChatCall, EndpointAddress, Timing, Upload

if TYPE_CHECKING:
    from .connections import Refused
    from .transport import Reply

logger = logging.getLogger(__name__)

CHAT = "/chat/completions"
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
    for name in dropped:
        yield Delta(dropped_parameter=name)
    timing = Timing(first_at, endpoint.silence_seconds, total_at)
    async with aclosing(read_events(reply, parser, timing)) as parts:
        async for _data, delta in parts:
            if delta is not None:
                yield delta


async def read_events(
    reply: Reply, parser: DeltaParser, timing: Timing
) -> AsyncGenerator[tuple[bytes, Delta | None], None]:
    """The reply as it arrives: its bytes, and the delta that they complete. Closes the reply.

    Raises AnswerFailed for what the parser cannot read, after the bytes; for a reply that ends too early or stays
    silent for too long.
    """
    loop = asyncio.get_running_loop()
    until = timing.first_at
    try:
        while not parser.done:
            events = parser.events
            try:
                data = await reply.read(min(until, timing.total_at))
            except (TimeoutError, AnswerFailed) as error:
                if parser.finished:
                    break
                if isinstance(error, AnswerFailed):
                    raise
                raise _timed_out(parser, total=loop.time() >= timing.total_at) from None
            delta = parser.feed(data) if data else parser.end()
            if data or delta is not None:
                yield data, delta
            if delta is None:
                # Comments and blank lines without an end must not keep other answers waiting.
                await asyncio.sleep(0)
            if parser.failure is not None:
                raise parser.failure
            if not data:
                break
            if parser.finished:
                until = min(until, loop.time() + FINISH_GRACE_SECONDS)
            elif parser.begun and parser.events > events:
                until = loop.time() + timing.silence_seconds
    finally:
        reply.close(linger=parser.done)
        if parser.bad_lines:
            logger.warning("Skipped %d lines of an answer that are not events", parser.bad_lines)


async def ask(
    endpoint: EndpointAddress, path: str, body: Upload, *, streams: bool
) -> tuple[Reply, Timing]:
    """Send what a program wrote, as it is; the reply is still to be read, and to be closed.

    streams: words are expected as they come; otherwise nothing can be, until the whole answer has been made.

    Asked again as for a chat call: at most twice, never after a time-out. Raises AnswerFailed, and Refused with the
    endpoint's own words where the request was not accepted.
    """
    await load()
    total_at = asyncio.get_running_loop().time() + endpoint.total_seconds
    patience = endpoint.first_delta_seconds if streams else endpoint.total_seconds
    reply, first_at = await _ask(endpoint, path, body, total_at, patience)
    return reply, Timing(first_at, endpoint.silence_seconds, total_at)


async def read_whole(reply: Reply, timing: Timing, *, most: int) -> bytes:
    """The whole reply, of at most so many bytes. Closes it. Raises AnswerFailed."""
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            try:
                data = await reply.read(timing.total_at)
            except TimeoutError:
                raise AnswerFailed("timeout_total", "before the end of the reply") from None
            if not data:
                return b"".join(parts)
            parts.append(data)
            size += len(data)
            if size > most:
                raise AnswerFailed("upstream_malformed", f"a reply over {most} bytes")
    finally:
        reply.close(linger=False)


async def list_models(endpoint: EndpointAddress) -> list[str]:
    """At most MOST_MODELS of the ids that `/models` names, in its order, each once. Raises AnswerFailed."""
    await load()
    from . import connections

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
        from . import connections

        await connections.close_clients()


async def load() -> None:
    """Import what speaks to endpoints, in a thread: it takes half a second, in which other answers go on."""
    global _loaded
    if not _loaded:
        await asyncio.to_thread(importlib.import_module, f"{__package__}.connections")
        _loaded = True


async def _open(
    endpoint: EndpointAddress, call: ChatCall, total_at: float
) -> tuple[Reply, float, list[str]]:
    """The accepted reply, the time by which its first delta is due, and the parameters left out."""
    from .connections import Refused

    body = _body(call)
    dropped: list[str] = []
    while True:
        try:
            patience = endpoint.first_delta_seconds
            return *await _ask(endpoint, CHAT, body, total_at, patience), dropped
        except Refused as refusal:
            name = _refused_parameter(refusal, body)
            if not name or _LIMIT_NAMES.get(name) in dropped:
                raise
            value = body.pop(name)
            if name in _LIMIT_NAMES:
                body[_LIMIT_NAMES[name]] = value
            dropped.append(name)


async def _ask(
    endpoint: EndpointAddress,
    path: str,
    body: Mapping[str, Any] | Upload,
    total_at: float,
    patience: float,
) -> tuple[Reply, float]:
    """The accepted reply, and the time by which its first delta is due. patience: seconds until then."""
    loop = asyncio.get_running_loop()
    retries = 0
    while True:
        first_at = loop.time() + patience
        try:
            return await _send(endpoint, path, body, first_at, total_at), first_at
        except AnswerFailed as failure:
            pause = _pause(failure, retries)
            if pause is None or loop.time() + pause >= total_at:
                raise
            retries += 1
            logger.info("Asking the endpoint again in %.2f s: %s", pause, failure)
            await asyncio.sleep(pause)


async def _send(
    endpoint: EndpointAddress,
    path: str,
    body: Mapping[str, Any] | Upload,
    first_at: float,
    total_at: float,
) -> Reply:
    from . import connections

    try:
        async with asyncio.timeout_at(min(first_at, total_at)):
            return await connections.post(endpoint, path, body)
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
