"""One recording and the text in it; one text and a recording of it. Each is a call: reserved, asked, settled.

The endpoint's request is the OpenAI protocol's. Nothing is kept here.
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass, field

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.callers import Caller
from accounts.models import UsageRecord

from .. import calls, endpoints
from ..calls import Call, Result
from ..errors import AnswerFailed, AudioTooLarge, AudioUnreadable, SpeechUnavailable
from ..exchange import Cut, exchange
from ..models import ChatModel
from ..tokens import estimate_tokens
from ..upstream.deltas import read_usage
from ..upstream.requests import EndpointAddress, Upload
from .local import TOO_LONG
from .sound import CONTENT_TYPES, kind_of

logger = logging.getLogger(__name__)

Service = UsageRecord.Service

USUAL_VOICE = "alloy"  # the protocol wants one named; endpoints know it, or take it for theirs
BYTES_PER_TOKEN = 1000  # of a recording, about: a guess at what its text will take
NO_SUCH_ADDRESS = {404, 405, 501}
NOT_ACCEPTED = {400, 415, 422}  # of a recording: nothing else in the request can be wrong


@dataclass(frozen=True)
class Recording:
    """content_type: one of `sound.CONTENT_TYPES`, by the bytes themselves."""

    content: bytes = field(repr=False)
    content_type: str


async def transcribe(
    caller: Caller, model: ChatModel, content: bytes, *, language: str = ""
) -> str:
    """The text in a recording, stripped; empty if nothing is said in it.

    model: from `choice.transcriber`. language: a code of settings.LANGUAGES; empty leaves it to the model.
    Raises AudioUnreadable, AudioTooLarge, SpeechUnavailable, AnswerFailed, QuotaExceeded or Unavailable.
    """
    kind = kind_of(content)
    if kind is None:
        raise AudioUnreadable

    fields = {"model": model.name, "response_format": "json"}
    if language:
        fields["language"] = language.partition("-")[0]
    body = _form(fields, content, kind)

    def begin() -> _Asked:
        address = endpoints.address_of(model.endpoint)
        call = calls.begin(
            caller,
            model,
            prompt_tokens=0,
            answer_tokens=min(model.max_output_tokens, 16 + len(content) // BYTES_PER_TOKEN),
            service=Service.TRANSCRIPTION,
            counts_only_complete=True,
            now=timezone.now(),
        )
        return _Asked(call, address)

    asked = await calls.begun(begin)
    texts: list[str] = []

    def read(reply: bytes, _content_type: str) -> Result:
        found = _transcription_in(reply)
        texts.append(found.text.strip())
        return Result(
            UsageRecord.Outcome.COMPLETE,
            usage=read_usage(found.usage),
            counted=estimate_tokens(texts[0]),
            is_empty=not texts[0],
            first_at=timezone.now(),
        )

    try:
        await exchange(asked.call, asked.address, "/audio/transcriptions", body, read)
    except (AnswerFailed, Cut) as error:
        raise _told(asked.call, error, of_recording=True) from None
    return texts[0]


async def speak(
    caller: Caller,
    model: ChatModel,
    text: str,
    *,
    voice: str = "",
    speed: float = 1.0,
    is_first: bool = True,
) -> Recording:
    """The text, spoken, as an MP3 where the endpoint can make one.

    model: from `choice.speaker`. voice: as the endpoint calls it; empty for a usual one. speed: 0.25 to 4.
    is_first: False for a further part of what is read aloud: its tokens count, no other request does.
    Raises SpeechUnavailable, AnswerFailed, QuotaExceeded or Unavailable.
    """

    def begin() -> _Asked:
        address = endpoints.address_of(model.endpoint)
        call = calls.begin(
            caller,
            model,
            prompt_tokens=estimate_tokens(text),
            answer_tokens=0,
            service=Service.SPEECH,
            counts_only_complete=True,
            requests=1 if is_first else 0,
            now=timezone.now(),
        )
        return _Asked(call, address)

    body: dict[str, object] = {
        "model": model.name,
        "input": text,
        "voice": voice or USUAL_VOICE,
        "response_format": "mp3",
    }
    if speed != 1.0:
        body["speed"] = speed
    asked = await calls.begun(begin)
    try:
        upload = Upload(json.dumps(body).encode(), "application/json")
        content, _type = await exchange(
            asked.call, asked.address, "/audio/speech", upload, _result_of_sound
        )
    except (AnswerFailed, Cut) as error:
        raise _told(asked.call, error) from None
    return Recording(content, CONTENT_TYPES[kind_of(content) or "mp3"])


@dataclass(frozen=True)
class _Asked:
    call: Call
    address: EndpointAddress


class _Transcription(msgspec.Struct, gc=False):
    text: str
    usage: object = None


def _transcription_in(reply: bytes) -> _Transcription:
    try:
        return msgspec.json.decode(reply, type=_Transcription)
    except (ValueError, RecursionError):
        raise AnswerFailed("upstream_malformed", "no transcription") from None


def _result_of_sound(content: bytes, _content_type: str) -> Result:
    if kind_of(content) is None:
        raise AnswerFailed("upstream_malformed", "no sound")
    return Result(UsageRecord.Outcome.COMPLETE, is_empty=True, first_at=timezone.now())


def _form(fields: dict[str, str], content: bytes, kind: str) -> Upload:
    """Endpoints tell by the file's name what it is. The content is not copied: it may be large."""
    boundary = secrets.token_hex(16)
    before = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    before.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="speech.{kind}"\r\n'
        f"Content-Type: {CONTENT_TYPES[kind]}\r\n\r\n"
    )
    return Upload(
        content,
        f"multipart/form-data; boundary={boundary}",
        before="".join(before).encode(),
        after=f"\r\n--{boundary}--\r\n".encode(),
    )


def _told(call: Call, error: AnswerFailed | Cut, *, of_recording: bool = False) -> Exception:
    """The failure as whoever asked is told of it. of_recording: it was to be heard, and may be at fault itself."""
    from ..upstream.connections import Refused

    if isinstance(error, Cut):
        return AnswerFailed("interrupted", call.why_cut)
    logger.warning("Call %s failed: %s", call.id, error)
    if not isinstance(error, Refused):
        return error
    if error.status in NO_SUCH_ADDRESS:
        at_fault = SpeechUnavailable.cannot_hear if of_recording else SpeechUnavailable.cannot_speak
        return SpeechUnavailable(at_fault)
    if not of_recording:
        return error
    if error.status == 413:
        return AudioTooLarge()
    if error.reason == TOO_LONG:
        return AudioTooLarge(_("The recording is too long. Record less at a time."))
    return AudioUnreadable() if error.status in NOT_ACCEPTED else error
