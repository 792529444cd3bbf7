"""Calls of programs that belong to no conversation: what is set aside before, what is settled after.

Between the two an open call is known to this process alone: `open_calls` are kept alive by the engine, and what a
process leaves behind when it dies is settled by any other's reaper.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import quotas
from accounts.callers import Caller
from accounts.models import UsageRecord

from . import metering, runtime
from .metering import Terms
from .models import ChatModel
from .prompt import LEAST_ANSWER
from .upstream.deltas import TokenUsage

logger = logging.getLogger(__name__)


SETTLED_SECONDS = 1.0  # then the answer is given without
END_PAUSES = (0.2, 1, 5)  # seconds between attempts to settle; then it is left to a reaper


@dataclass(eq=False)
class Call:
    """A call that may be made now. answer_tokens: what the answer may have, of all its choices together.

    counts_only_complete: a request that gets no whole answer does not count; the tokens it took do.
    requests: that it counts as: 0 for a further part of what one request has begun.
    why_cut: the code of what ended it from outside. on_cut: what then has to be let go of.
    """

    id: UUID
    caller: Caller
    model_name: str
    terms: Terms
    answer_tokens: int
    started_at: datetime
    counts_only_complete: bool = False
    requests: int = 1
    settling: Future[None] | None = None
    why_cut: str = ""
    on_cut: Callable[[], None] | None = None

    @property
    def call(self) -> Call:
        return self

    @property
    def is_ended(self) -> bool:
        return self.settling is not None

    def cut(self, code: str) -> None:
        """End it now: the process ends, or whoever asked has been shut out. On the engine's loop."""
        if not self.why_cut:
            self.why_cut = code
            if self.on_cut is not None:
                self.on_cut()


@dataclass(frozen=True)
class Result:
    """How a call ended.

    usage: the endpoint's count, if it gave one. counted: our estimate of the answer's tokens.
    first_at: when the first of the answer arrived; None if nothing came.
    """

    outcome: UsageRecord.Outcome
    usage: TokenUsage | None = None
    counted: int = 0
    is_empty: bool = False
    first_at: datetime | None = None


def begin(
    caller: Caller,
    model: ChatModel,
    *,
    prompt_tokens: int,
    answer_tokens: int,
    service: UsageRecord.Service = UsageRecord.Service.CHAT,
    counts_only_complete: bool = False,
    requests: int = 1,
    id: UUID | None = None,
    now: datetime,
) -> Call:
    """Set a request and the estimated tokens aside. End it with `end`, whatever happens.

    answer_tokens: what is asked for; the call may be granted less. Raises QuotaExceeded, or Unavailable while the
    process is ending or full.
    """
    runtime.ensure_open()
    id = id or uuid4()
    granted = quotas.reserve(
        caller.user,
        key=id,
        limits=caller.limits,
        tokens=prompt_tokens + answer_tokens,
        least_tokens=prompt_tokens + min(LEAST_ANSWER, answer_tokens),
        money=model.prices.of(prompt=prompt_tokens, answer=answer_tokens),
        api_key=caller.api_key,
        service=service,
        is_call=True,
        requests=requests,
        now=now,
    )
    answer_tokens = granted - prompt_tokens
    terms = Terms(prompt_tokens, answer_tokens, model.context_window, model.prices)
    call = Call(id, caller, model.name, terms, answer_tokens, now, counts_only_complete, requests)
    runtime.open_calls[id] = call
    return call


class Begun(Protocol):
    @property
    def call(self) -> Call: ...


B = TypeVar("B", bound=Begun)


async def begun(begin_in_thread: Callable[[], B]) -> B:
    """Begin a call on a thread of the request. One that nobody waits for any more is ended at once."""
    beginning = asyncio.ensure_future(sync_to_async(begin_in_thread)())
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        beginning.add_done_callback(_left_alone)
        raise


def _left_alone(beginning: asyncio.Future[Any]) -> None:
    if not beginning.cancelled() and beginning.exception() is None:
        end(beginning.result().call, Result(UsageRecord.Outcome.STOPPED))


def end(call: Call, result: Result) -> Future[None]:
    """Settle it, soon and once: the first result counts. From any thread; what is returned is done with it."""
    if call.settling is None:
        call.settling = runtime.spawn(_end(call, result))
    return call.settling


async def settled(call: Call, result: Result) -> None:
    """End it, and wait a moment for it to be settled: whoever has the whole answer may ask again at once."""
    ending = asyncio.wrap_future(end(call, result))
    await asyncio.wait((ending,), timeout=SETTLED_SECONDS)


async def _end(call: Call, result: Result) -> None:
    """A database that is away for a moment is asked again."""
    try:
        for pause in (*END_PAUSES, None):
            try:
                await runtime.in_database(_settle, call, result)
                return
            except Exception:
                logger.exception("Call %s was not settled", call.id)
            if pause is None or runtime.is_closing():
                return
            await asyncio.sleep(pause)
    finally:
        runtime.open_calls.pop(call.id, None)


def _settle(call: Call, result: Result) -> None:
    quotas.settle(
        call.id,
        spent=_spent(call, result),
        outcome=result.outcome,
        model_name=call.model_name,
        now=timezone.now(),
    )


def _spent(call: Call, result: Result) -> quotas.Spent:
    spent = _cost(call, result)
    if call.counts_only_complete and result.outcome != UsageRecord.Outcome.COMPLETE:
        return replace(spent, requests=0)
    return replace(spent, requests=min(spent.requests, call.requests))


def _cost(call: Call, result: Result) -> quotas.Spent:
    seconds = None
    if result.first_at is not None:
        seconds = (result.first_at - call.started_at).total_seconds()
    elif result.outcome != UsageRecord.Outcome.COMPLETE:
        # Left before the first word: a request was made, no tokens. Anything else: everything is refunded.
        return quotas.Spent(requests=1 if result.outcome == UsageRecord.Outcome.STOPPED else 0)
    return metering.spent(
        call.terms,
        result.usage,
        counted=result.counted,
        is_empty=result.is_empty,
        seconds=seconds,
    )
