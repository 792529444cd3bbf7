"""A recording and its text, a text and its recording: asked of a real server, in the one ledger."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from email import message_from_bytes
from email.policy import HTTP

import pytest
from asgiref.sync import async_to_sync

from accounts.callers import Caller
from accounts.models import Reservation, UsagePeriod, UsageRecord, User
from accounts.quotas import QuotaExceeded
from conversations import runtime
from conversations.errors import (
    AnswerFailed,
    AudioUnreadable,
    ConversationError,
    SpeechUnavailable,
)
from conversations.models import ChatModel
from conversations.speech import asking
from conversations.speech.asking import Recording
from tests.conversations.speech.conftest import MP3, WAVE, caller_with, reply
from tests.processes import wait_for
from tests.upstream import Upstream

TEXT = "Good day to you all."


def transcribe(caller: Caller, model: ChatModel, content: bytes = WAVE, language: str = "") -> str:
    return async_to_sync(asking.transcribe)(caller, model, content, language=language)


def speak(caller: Caller, model: ChatModel, *, is_first: bool = True, **how: object) -> Recording:
    asked = async_to_sync(asking.speak)
    return asked(caller, model, TEXT, is_first=is_first, **how)  # type: ignore[arg-type]


def spent() -> UsageRecord:
    """The newest row of the ledger, once it is written."""
    wait_for(lambda: not runtime.open_calls, what="settlement")
    assert not Reservation.objects.exists()
    return UsageRecord.objects.latest("recorded_at")


def test_a_transcription(caller: Caller, recogniser: ChatModel, upstream: Upstream) -> None:
    reply(upstream, "transcriptions", {"text": " Good day. "})
    assert transcribe(caller, recogniser, language="zh-hans") == "Good day."
    received = upstream.requests[-1]
    kind = received.headers["Content-Type"]
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = message_from_bytes(head + received.raw, policy=HTTP)
    fields = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in form.iter_parts()
    }
    assert fields == {
        "model": b"whisper-1",
        "response_format": b"json",
        "language": b"zh",
        "file": WAVE,
    }
    assert b'filename="speech.wav"' in received.raw
    row = spent()
    assert (row.service, row.outcome, row.requests, row.estimated) == (
        "transcription",
        "complete",
        1,
        True,
    )
    assert row.tokens_out > 0
    assert row.money > 0


def test_the_endpoints_own_count(caller: Caller, recogniser: ChatModel, upstream: Upstream) -> None:
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}
    reply(upstream, "transcriptions", {"text": "Good day.", "usage": usage})
    transcribe(caller, recogniser)
    row = spent()
    assert (row.tokens_in, row.tokens_out, row.estimated) == (14, 5, False)
    assert b"language" not in upstream.requests[-1].raw


def test_silence_is_an_empty_text(
    caller: Caller, recogniser: ChatModel, upstream: Upstream
) -> None:
    reply(upstream, "transcriptions", {"text": "  "})
    assert transcribe(caller, recogniser) == ""
    assert spent().outcome == "complete"


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", bytes(5000)])
def test_what_is_no_sound_is_not_sent(
    caller: Caller, recogniser: ChatModel, upstream: Upstream, content: bytes
) -> None:
    with pytest.raises(AudioUnreadable):
        transcribe(caller, recogniser, content)
    assert not upstream.requests
    assert not UsageRecord.objects.exists()


def test_speech(caller: Caller, voice: ChatModel, upstream: Upstream) -> None:
    reply(upstream, "speech", MP3, "text/html")
    assert speak(caller, voice) == Recording(MP3, "audio/mpeg")
    asked = {"model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "mp3"}
    assert upstream.requests[-1].body == asked
    row = spent()
    assert (row.service, row.outcome, row.requests) == ("speech", "complete", 1)
    assert row.tokens_in > 0
    assert row.money > 0
    reply(upstream, "speech", WAVE, "application/octet-stream")
    assert speak(caller, voice, voice="verse", speed=1.5).content_type == "audio/wav"
    assert upstream.requests[-1].body == {**asked, "voice": "verse", "speed": 1.5}


def test_further_parts_count_as_no_request(
    alice: User, voice: ChatModel, upstream: Upstream
) -> None:
    caller = caller_with(alice, requests_per_day=1, concurrent_completions=1)
    reply(upstream, "speech", MP3)
    speak(caller, voice)
    for _part in range(2):
        speak(caller, voice, is_first=False)
        assert (spent().requests, spent().tokens_in > 0) == (0, True)
    used = UsagePeriod.objects.get(user=alice, kind="day")
    assert (used.used_requests, used.reserved_requests) == (1, 0)
    with pytest.raises(QuotaExceeded) as refused:
        speak(caller, voice)
    assert refused.value.code == "quota_requests"


def test_tokens_of_every_part_count(alice: User, voice: ChatModel, upstream: Upstream) -> None:
    caller = caller_with(alice, tokens_per_day=10)
    reply(upstream, "speech", MP3)
    speak(caller, voice)
    with pytest.raises(QuotaExceeded) as refused:
        speak(caller, voice, is_first=False)
    assert refused.value.code == "quota_tokens"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"text": 7}', b'{"texts": "x"}', b"<html>", b"[" * 100_000]
)
def test_a_transcription_that_is_none(
    caller: Caller, recogniser: ChatModel, upstream: Upstream, body: bytes
) -> None:
    reply(upstream, "transcriptions", body)
    with pytest.raises(AnswerFailed) as failed:
        transcribe(caller, recogniser)
    assert failed.value.code == "upstream_malformed"
    assert (spent().outcome, spent().requests) == ("failed", 0)


@pytest.mark.parametrize("body", [b"", b"<html><script>", b'{"error": {}}'])
def test_sound_that_is_none(
    caller: Caller, voice: ChatModel, upstream: Upstream, body: bytes
) -> None:
    reply(upstream, "speech", body, "audio/mpeg")
    with pytest.raises(AnswerFailed) as failed:
        speak(caller, voice)
    assert failed.value.code == "upstream_malformed"
    assert (spent().outcome, spent().money) == ("failed", Decimal(0))


def test_an_endpoint_without_sound(
    caller: Caller, recogniser: ChatModel, voice: ChatModel, upstream: Upstream
) -> None:
    with pytest.raises(SpeechUnavailable, match="does not turn speech into text"):
        transcribe(caller, recogniser)
    assert spent().outcome == "failed"
    with pytest.raises(SpeechUnavailable, match="does not turn text into speech"):
        speak(caller, voice)
    assert spent().outcome == "failed"


def test_a_recording_that_the_endpoint_refuses(
    caller: Caller, recogniser: ChatModel, voice: ChatModel, upstream: Upstream
) -> None:
    upstream.statuses["/v1/audio/transcriptions"] = 400
    upstream.statuses["/v1/audio/speech"] = 400
    with pytest.raises(ConversationError) as refused:
        transcribe(caller, recogniser)
    assert (refused.value.status, refused.value.code) == (400, "audio_unreadable")
    with pytest.raises(AnswerFailed):
        speak(caller, voice)
    assert not UsageRecord.objects.exclude(requests=0).exists()


def test_who_leaves_ends_the_call(caller: Caller, voice: ChatModel, upstream: Upstream) -> None:
    upstream.holds.add("/v1/audio/speech")

    async def leave() -> None:
        asked = asyncio.ensure_future(asking.speak(caller, voice, TEXT))
        await asyncio.to_thread(upstream.wait_for_requests)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    async_to_sync(leave)()
    assert upstream.requests[-1].wait_closed()
    assert (spent().outcome, spent().requests) == ("stopped", 0)


def test_one_that_is_cut_from_outside(
    caller: Caller, recogniser: ChatModel, upstream: Upstream
) -> None:
    upstream.holds.add("/v1/audio/transcriptions")

    async def cut() -> None:
        asked = asyncio.ensure_future(asking.transcribe(caller, recogniser, WAVE))
        await asyncio.to_thread(upstream.wait_for_requests)
        (call,) = runtime.open_calls.values()
        runtime.engine().call(call.cut, "interrupted")
        await asked

    with pytest.raises(AnswerFailed) as failed:
        async_to_sync(cut)()
    assert failed.value.code == "interrupted"
