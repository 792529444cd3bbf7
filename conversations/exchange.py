"""One request of a call, and its whole reply: asked on the engine's loop, settled before the reply is given.

What is asked and what the reply means is the business of whoever calls: `api/gateway/` and `speech/`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from accounts.models import UsageRecord

from . import calls, runtime
from .calls import Call, Result
from .upstream import client
from .upstream.requests import EndpointAddress, Upload

T = TypeVar("T")

MOST_REPLY_BYTES = 64 << 20  # of one that is read whole: pictures and sound are large


class Cut(Exception):
    """The call was ended from outside while its reply was waited for; `call.why_cut` says why."""


async def exchange(
    call: Call,
    address: EndpointAddress,
    path: str,
    body: Upload,
    read: Callable[[bytes, str], Result],
) -> tuple[bytes, str]:
    """The reply's bytes and content type. From any loop; who is cancelled here ends the call.

    read: how the call ended, from both; it may raise what is then raised here.
    Raises AnswerFailed, Refused where the endpoint did not accept the request, or Cut.
    """
    # Until something else is known, whoever asked has left.
    result = Result(UsageRecord.Outcome.STOPPED)
    try:
        content, content_type = await on_engine(call, _whole(address, path, body))
        result = read(content, content_type)
    except Exception:
        result = Result(UsageRecord.Outcome.FAILED)
        raise
    finally:
        if result.outcome != UsageRecord.Outcome.COMPLETE:
            calls.end(call, result)
    await calls.settled(call, result)
    return content, content_type


async def _whole(address: EndpointAddress, path: str, body: Upload) -> tuple[bytes, str]:
    reply, timing = await client.ask(address, path, body, streams=False)
    content = await client.read_whole(reply, timing, most=MOST_REPLY_BYTES)
    return content, reply.content_type


async def on_engine(call: Call, coroutine: Coroutine[Any, Any, T]) -> T:
    """Where the connections to endpoints are: our server's own loop, or that of the engine's thread."""
    waiting = runtime.spawn(coroutine)

    def cancel() -> None:
        waiting.cancel()

    call.on_cut = cancel
    try:
        return await asyncio.wrap_future(waiting)
    except asyncio.CancelledError:
        if call.why_cut:
            raise Cut from None
        runtime.engine().call(call.cut, "left")
        raise
