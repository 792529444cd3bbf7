"""Dictation: the recorder's markup for the page, and the text in what it has recorded. Nothing of it is kept.

The recording stays in memory, once, and is not decoded here: that is the engine's business, in another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import quotas
from accounts.callers import Caller
from accounts.quotas import QuotaExceeded
from chatsite.views import csrf_failure, error_json

from ..errors import (
    AnswerFailed,
    AudioSilent,
    AudioTooLarge,
    AudioUnreadable,
    ConversationError,
    InvalidParameter,
    SpeechUnavailable,
    Unavailable,
)
from ..forms import cut_off
from ..models import ChatModel
from ..speech import choice
from ..speech.asking import transcribe
from ..speech.places import RECORDINGS
from ..speech.sound import MOST_BYTES
from .replies import failure_json, language, owner, refusal_json, signed_in

MOST_IN_HAND = 100 << 20  # of all recordings that this process holds at once

LATE = gettext_lazy("The text took longer than is allowed. Try again, or record less at a time.")
WORDS = {
    "timeout_first": LATE,
    "timeout_silence": LATE,
    "timeout_total": LATE,
    "upstream_cut": gettext_lazy(
        "The connection to the model broke off before the text was there."
    ),
    "interrupted": gettext_lazy("The server was restarted before the text was there. Try again."),
}

_in_hand = 0  # bytes; only the loop of the server changes it


@dataclass(frozen=True)
class Asked:
    """A recording whose text is wanted, and which model is to find it."""

    caller: Caller
    model: ChatModel
    language: str
    content: bytes = field(repr=False)


@require_safe
@signed_in
def recorder(request: HttpRequest) -> HttpResponse:
    """What the page shows while somebody dictates, and where it then sends the recording, if there is an engine."""
    engine = choice.transcriber(quotas.limits_of(owner(request)), language())
    context = {
        "transcription": reverse("conversations:transcription") if engine else "",
        "silent": AudioSilent.message,
    }
    return render(request, "conversations/recorder.html", context)


@csrf_exempt  # `_asked` checks, in a thread: a form of many megabytes is to be parsed for it
@require_POST
async def transcription(request: HttpRequest) -> HttpResponseBase:
    """The text in the recording `audio`, spoken in `language` (that of the page if it is not given)."""
    try:
        with _room_for(request):
            asked = await sync_to_async(_asked)(request)
            if isinstance(asked, HttpResponse):
                return asked
            with RECORDINGS.place(asked.caller.user):
                text = await transcribe(
                    asked.caller, asked.model, asked.content, language=asked.language
                )
    except AnswerFailed as failure:
        return failure_json(failure, words=WORDS)
    except (ConversationError, QuotaExceeded) as refusal:
        return refusal_json(refusal)
    return JsonResponse({"text": text}) if text else refusal_json(AudioSilent())


@contextmanager
def _room_for(request: HttpRequest) -> Iterator[None]:
    """Bounds what all recordings together take. Raises Unavailable."""
    global _in_hand
    announced = request.META.get("CONTENT_LENGTH") or ""
    size = int(announced) if announced.isdigit() else MOST_BYTES
    if size and _in_hand + size > MOST_IN_HAND:
        raise Unavailable
    _in_hand += size
    try:
        yield
    finally:
        _in_hand -= size


def _asked(request: HttpRequest) -> Asked | HttpResponse:
    """What is asked for, or the reply to whoever may not ask. In a thread."""
    if not request.user.is_authenticated:
        return error_json(401, "not_signed_in", _("Sign in first."))
    handler = OneRecording(request)
    request.upload_handlers = [handler]
    try:
        if CsrfCheck.reason(request):
            return csrf_failure(request)
        spoken = request.POST.get("language") or language()
    except UnreadablePostError:
        raise InvalidParameter(cut_off()) from None
    except (MultiPartParserError, RequestDataTooBig, SuspiciousOperation):
        raise InvalidParameter(_("The form could not be read.")) from None
    if handler.is_too_large:
        raise AudioTooLarge
    if handler.content is None:
        raise InvalidParameter(
            _("Send the recording as the file “audio” of a form."), field="audio"
        )
    if spoken not in dict(settings.LANGUAGES):
        raise InvalidParameter(_("This site does not know that language."), field="language")
    if not handler.content:
        raise AudioUnreadable(_("The recording is empty."))
    user = owner(request)
    caller = Caller(user, quotas.limits_of(user))
    model = choice.transcriber(caller.limits, spoken)
    if model is None:
        raise SpeechUnavailable
    return Asked(caller, model, spoken, handler.content)


class OneRecording(FileUploadHandler):
    """Keeps the file `audio` in memory, up to the limit, and no other. content: once it has been read whole."""

    content: bytes | None = None
    is_too_large = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        is_first = self.content is None and self.field_name == "audio"
        self.buffer = BytesIO() if is_first else None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.buffer is not None and start + len(raw_data) <= MOST_BYTES:
            self.buffer.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        if self.buffer is not None:
            self.is_too_large = file_size > MOST_BYTES
            self.content = self.buffer.getvalue()  # the buffer's own bytes: no copy
            self.buffer = None


class CsrfCheck(CsrfViewMiddleware):
    """Says why a request is refused, and leaves the answer to its view."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:  # called by process_view
        return reason

    @classmethod
    def reason(cls, request: HttpRequest) -> Any:
        """None if there is no reason to refuse it."""
        check = cls(lambda request: HttpResponse())
        return check.process_view(request, None, (), {})  # type: ignore[arg-type]  # of the view it wants one mark
