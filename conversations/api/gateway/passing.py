"""From the endpoint to whoever asked: whole replies, and streams as they come. Bytes are passed on, not made anew."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone

from accounts.models import UsageRecord

from ... import calls, exchange, runtime
from ...calls import Call, Result
from ...errors import AnswerFailed
from ...tokens import estimate_tokens
from ...upstream import client
from ...upstream.deltas import Delta, DeltaParser, TokenUsage, read_usage
from ...upstream.requests import EndpointAddress, Timing, Upload
from ...views.stream import EventStream
from .refusals import PassedOn, error_frame, failure, in_its_words

if TYPE_CHECKING:
    from ...upstream.transport import Reply

SOUND = "/audio/"  # paths whose replies need not be JSON
DONE = b"data: [DONE]\n\n"
EVENT_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
USAGE = re.compile(rb'"usage"\s*:\s*\{')
BUSY = 100  # open calls, with more of which a stream's pieces are sent together:
PAUSE = 0.1  # seconds between two sends, in which two or three tokens come


@dataclass(frozen=True)
class Passage:
    """A call that may be made, and where to."""

    call: Call
    address: EndpointAddress
    path: str
    body: Upload
    streams: bool = False
    drop_usage: bool = False
    parser: type[DeltaParser] = DeltaParser
    headers: Mapping[str, str] = field(default_factory=dict)


async def pass_on(passage: Passage) -> HttpResponseBase:
    """Ask, and give the endpoint's reply. Raises PassedOn or AnswerFailed."""
    response = await (_streamed(passage) if passage.streams else _whole(passage))
    for name, value in passage.headers.items():
        response.headers[name] = value
    return response


async def _whole(passage: Passage) -> HttpResponseBase:
    sounds = passage.path.startswith(SOUND)
    try:
        content, content_type = await exchange.exchange(
            passage.call,
            passage.address,
            passage.path,
            passage.body,
            lambda content, content_type: _result_of(content, content_type, sounds=sounds),
        )
    except Exception as error:
        raise _told(passage, error) from None
    return HttpResponse(content, content_type=content_type)


class _Reply(msgspec.Struct, gc=False):
    usage: Any = None
    choices: Any = None
    output: Any = None


def _result_of(content: bytes, content_type: str, *, sounds: bool) -> Result:
    """sounds: the reply may be anything, a recording or plain text. Raises AnswerFailed for any other but an object."""
    now = timezone.now()
    if sounds and content_type != "application/json":
        return Result(UsageRecord.Outcome.COMPLETE, first_at=now)
    reply = _reply_in(content)
    usage = read_usage(reply.usage)
    answer = reply.choices or reply.output
    counted = estimate_tokens(json.dumps(answer, ensure_ascii=False)) if answer else 0
    return Result(
        UsageRecord.Outcome.COMPLETE,
        usage=usage,
        counted=counted,
        is_empty=not answer,
        first_at=now,
    )


def _reply_in(content: bytes) -> _Reply:
    try:
        return msgspec.json.decode(content, type=_Reply)
    except (ValueError, RecursionError):
        pass
    try:
        found = json.loads(content)  # also what is nearly JSON: some endpoints write NaN
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AnswerFailed("upstream_malformed", "a reply that is no JSON object")
    return _Reply(found.get("usage"), found.get("choices"), found.get("output"))


async def _streamed(passage: Passage) -> HttpResponseBase:
    call = passage.call
    try:
        reply, timing = await exchange.on_engine(call, _open(passage))
    except Exception as error:
        calls.end(call, Result(UsageRecord.Outcome.FAILED))
        raise _told(passage, error) from None
    except asyncio.CancelledError:
        calls.end(call, Result(UsageRecord.Outcome.STOPPED))
        raise
    return PassedStream(call, _passed_on(passage, reply, timing))


async def _open(passage: Passage) -> tuple[Reply, Timing]:
    reply, timing = await client.ask(passage.address, passage.path, passage.body, streams=True)
    passage.call.on_cut = reply.abort
    if passage.call.why_cut:  # too late for who waited to be told otherwise
        reply.abort()
    return reply, timing


class PassedStream(EventStream):
    """Also a stream that nobody began to read is let go of: its generator never ran."""

    def __init__(self, call: Call, generator: AsyncGenerator[bytes, None]) -> None:
        super().__init__(generator)
        self.call = call

    def close(self) -> None:
        super().close()
        if not self.call.is_ended:
            runtime.engine().call(self.call.cut, "left")
            calls.end(self.call, Result(UsageRecord.Outcome.STOPPED))


async def _passed_on(passage: Passage, reply: Reply, timing: Timing) -> AsyncGenerator[bytes, None]:
    call = passage.call
    parser = passage.parser(event_stream=reply.content_type == "text/event-stream", any_event=True)
    events = EventFilter(drop_usage=passage.drop_usage, secret=passage.address.api_key)
    count = Count()
    outcome = UsageRecord.Outcome.STOPPED  # until something else is known, whoever asked has left
    rest = b""
    try:
        async with aclosing(client.read_events(reply, parser, timing)) as parts:
            async for data, delta in parts:
                count.add(delta)
                passed = events.feed(data)
                if parser.done:
                    rest = passed
                elif passed:
                    yield passed
                    if len(runtime.open_calls) > BUSY:
                        await asyncio.sleep(PAUSE)
        outcome = UsageRecord.Outcome.COMPLETE
        await calls.settled(call, count.result(outcome, events=parser.events))
        rest += events.end()
        yield rest if parser.done else rest + DONE
    except AnswerFailed as error:
        outcome = (
            UsageRecord.Outcome.INTERRUPTED
            if call.why_cut == "interrupted"
            else UsageRecord.Outcome.FAILED
        )
        if not error.is_in_stream:  # behind whole events only: what is left may be the half of one
            yield error_frame(call.why_cut or error.code)
        elif rest := events.end():
            yield rest
    finally:
        calls.end(call, count.result(outcome, events=parser.events))


class Count:
    """What of an answer has gone by."""

    def __init__(self) -> None:
        self.usage: TokenUsage | None = None
        self.texts: list[str] = []
        self.first_at: datetime | None = None

    def add(self, delta: Delta | None) -> None:
        if delta is None:
            return
        if self.first_at is None:
            self.first_at = timezone.now()
        if delta.usage is not None:
            self.usage = delta.usage
        if delta.text:
            self.texts.append(delta.text)
        if delta.reasoning:
            self.texts.append(delta.reasoning)

    def result(self, outcome: UsageRecord.Outcome, *, events: int) -> Result:
        """events: of any kind; each brings about a token, also where it is a part of a tool call."""
        return Result(
            outcome,
            usage=self.usage,
            counted=max(estimate_tokens("".join(self.texts)), events - 2),
            is_empty=not self.texts,
            first_at=self.first_at,
        )


class EventFilter:
    """Event-stream bytes in, whole events out, without the one that only tells the usage if nobody asked for it.

    secret: the endpoint's key, which errors are known to quote.
    """

    def __init__(self, *, drop_usage: bool, secret: str = "") -> None:
        self.drop_usage = drop_usage
        self.secret = secret.encode()
        self.pending = b""

    def feed(self, data: bytes) -> bytes:
        if not self.pending and data.endswith(b"\n\n") and b'"usage"' not in data:
            return self._without_secret(data)  # as nearly all of it comes
        data = self.pending + data
        ends = [match.end() for match in EVENT_END.finditer(data)][-1:]
        end = ends[0] if ends else 0
        self.pending = data[end:]
        return self._to_pass(data[:end])

    def end(self) -> bytes:
        """What is left, once nothing more comes."""
        rest, self.pending = self.pending, b""
        return self._to_pass(rest)

    def _to_pass(self, data: bytes) -> bytes:
        data = self._without_secret(data)
        if not self.drop_usage or not USAGE.search(data):
            return data
        kept, start = [], 0
        for match in [*EVENT_END.finditer(data)]:
            event = data[start : match.end()]
            if not _only_tells_usage(event):
                kept.append(event)
            start = match.end()
        if not _only_tells_usage(data[start:]):
            kept.append(data[start:])
        return b"".join(kept)

    def _without_secret(self, data: bytes) -> bytes:
        if self.secret and self.secret in data:
            return data.replace(self.secret, "…".encode())
        return data


def _only_tells_usage(event: bytes) -> bool:
    line = event.strip()
    if not line.startswith(b"data:") or not USAGE.search(line):
        return False
    try:
        return not json.loads(line[5:]).get("choices")
    except (ValueError, AttributeError, RecursionError):
        return False


def _told(passage: Passage, error: Exception) -> Exception:
    """The failure as whoever asked is told of it."""
    from ...upstream.connections import Refused

    if passage.call.why_cut:
        return failure(passage.call.why_cut)
    if isinstance(error, Refused) and error.code != "context_too_long" and error.status < 500:
        return PassedOn(error.status, in_its_words(error, passage.address))
    return error
