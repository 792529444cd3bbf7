"""Reading an answer aloud: its sentences, and the sound of each, for whoever may read it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_safe

from accounts import quotas
from accounts.callers import Caller
from accounts.quotas import QuotaExceeded
from chatsite.views import error_json

from .. import access
from ..errors import (
    AnswerFailed,
    ConversationError,
    InvalidParameter,
    NotPossible,
)
from ..models import ChatModel
from ..speech import choice
from ..speech.places import SENTENCES
from ..speech.recordings import Wanted, recording_of
from ..speech.sound import CONTENT_TYPES
from ..speech.spoken import spoken
from ..speech.voices import voices_of
from .replies import failure_json, language, owner, refusal_json, refusals, signed_in

LATE = gettext_lazy("The voice took longer than is allowed. Try again.")
BUSY = gettext_lazy("The voice is asked too often. Try again in a minute.")
CUT = gettext_lazy("The connection to the voice broke off. Try again.")
WORDS = {
    "upstream_auth": gettext_lazy(
        "The voice's endpoint rejected the site's key. An administrator has to check it."
    ),
    "upstream_error": gettext_lazy("The voice's endpoint reported an error. Try again."),
    "upstream_rate_limited": BUSY,
    "upstream_overloaded": BUSY,
    "upstream_unreachable": gettext_lazy(
        "The voice's endpoint cannot be reached. Try again in a moment."
    ),
    "timeout_first": LATE,
    "timeout_silence": LATE,
    "timeout_total": LATE,
    "upstream_cut": CUT,
    "interrupted": CUT,
    "upstream_malformed": gettext_lazy("The voice's endpoint sent something that is no sound."),
}
NO_VOICE = gettext_lazy("This site has no voice for that language.")


@require_safe
@signed_in
def player(request: HttpRequest) -> HttpResponse:
    """The bar that a page shows while it reads."""
    return render(request, "conversations/player.html")


@require_safe
@signed_in
@refusals
def parts(request: HttpRequest, message_id: UUID) -> HttpResponseBase:
    """The sentences of an answer from number `after` on; of one that is being written, those that are finished.

    voices: of the site's own, by language; without an entry the page has to use the browser's.
    """
    user = owner(request)
    message = access.get_message(user, message_id)
    found = spoken(message, language=language())
    first = _number(request.GET.get("after", ""))
    rows = [
        {"index": index, "text": part.text, "language": part.language}
        for index, part in enumerate(found.parts[first:], start=first)
    ]
    return JsonResponse(
        {
            "parts": rows,
            "complete": found.complete,
            "voices": _voices(quotas.limits_of(user), {row["language"] for row in rows}),
        }
    )


def _voices(limits: quotas.Limits, languages: set[Any]) -> dict[str, tuple[str, ...]]:
    models = {one: choice.speaker(limits, one) for one in languages}
    return {one: voices_of(model) for one, model in models.items() if model is not None}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@require_GET
async def sound(request: HttpRequest, message_id: UUID, index: int) -> HttpResponseBase:
    """One sentence, spoken: a file of sound of a kind that cannot run in a browser, or why there is none."""
    try:
        asked = await sync_to_async(_asked)(request, message_id, index)
        if isinstance(asked, HttpResponse):
            return asked
        with SENTENCES.place(asked[0].user):
            recording = await recording_of(*asked)
    except AnswerFailed as failure:
        return failure_json(failure, words=WORDS)
    except (ConversationError, QuotaExceeded) as refusal:
        return refusal_json(refusal)
    content_type = recording.content_type
    if content_type not in CONTENT_TYPES.values():
        content_type = "application/octet-stream"
    response = HttpResponse(recording.content, content_type=content_type)
    response["Cache-Control"] = "private, no-store"
    response["Content-Disposition"] = "attachment"
    return response


def _asked(
    request: HttpRequest, message_id: UUID, index: int
) -> tuple[Caller, Wanted] | HttpResponse:
    """Who wants which sentence of which model, or the reply to whoever may not. Raises Http404. In a thread."""
    if not request.user.is_authenticated:
        return error_json(401, "not_signed_in", _("Sign in first."))
    user = owner(request)
    message = access.get_message(user, message_id)
    found = spoken(message, language=language())
    if index >= len(found.parts):
        raise Http404
    part = found.parts[index]
    caller = Caller(user, quotas.limits_of(user))
    model = choice.speaker(caller.limits, part.language)
    if model is None:
        raise NotPossible(NO_VOICE)
    voice = _voice(request, model)
    return caller, Wanted(message.pk, index, part.text, model, voice)


def _voice(request: HttpRequest, model: ChatModel) -> str:
    voice = request.GET.get("voice", "")
    if voice and voice not in voices_of(model):
        raise InvalidParameter(_("This voice is not known. Choose another one."), field="voice")
    return voice
