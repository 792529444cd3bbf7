"""The two addresses of the original ChatAPI: `/token` gives a pass for name and password, `/api` answers a question.

Its clients know the shapes and some of the words, so these are not translated. `docs/chatapi.md` has the table.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts import callers, passes, quotas
from accounts.authentication import TooManyAttempts, user_by_password
from accounts.callers import Caller, CallerRefused
from accounts.quotas import QuotaExceeded

from .. import asking, calls
from ..asking import Question
from ..errors import (
    AnswerFailed,
    ConversationError,
    InvalidParameter,
    InvalidText,
    MessageTooLong,
    ModelNotAllowed,
    ModelUnknown,
    NotJson,
    Unavailable,
    sentence,
)
from ..forms import JSON, check_text, fields_of, too_long
from ..views.replies import with_retry_after

logger = logging.getLogger(__name__)

WRONG = "Invalid username or password"
NOT_MADE = "Error in create token"
USED_UP = "Token access limit reached."
NOT_ANSWERED = "An error occurred in the chatgpt request, "


# --- /token ----------------------------------------------------------------------------------------------------------


@csrf_exempt  # looks at no cookie
def give_pass(request: HttpRequest) -> HttpResponse:
    """POST `{u, p}`: a pass for thirty days, the same one until it ends."""
    if request.method != "POST":
        return _other_method(request, "POST")
    try:
        return _give_pass(request)
    except TooManyAttempts as refusal:
        response = _failure(429, _("Too many attempts. Wait a moment and try again."))
        response["Retry-After"] = str(refusal.retry_after)
        return response
    except (ConversationError, SuspiciousOperation) as refusal:
        return _refusal(refusal)
    except Exception:
        logger.exception("A pass was not given")
        return _failure(500, NOT_MADE)


def _give_pass(request: HttpRequest) -> HttpResponse:
    fields = _fields(request)
    name, password = _text(fields, "u"), _text(fields, "p")
    user = user_by_password(request, login=name, password=password)
    given = passes.give_pass(user, now=timezone.now()) if user is not None else None
    if given is None:
        return _failure(401, WRONG)
    made, is_new = given
    message = {
        "expiration_time": passes.shown_time(made.expires_at),
        "token": passes.text_of(made),
        "username": made.user.username,
    }
    return _reply(201 if is_new else 200, {"message": message, "statu": True})


# --- /api ------------------------------------------------------------------------------------------------------------


@csrf_exempt  # looks at no cookie
async def ask(request: HttpRequest) -> HttpResponse:
    """GET `?q=` or POST `{q}` with a pass: one question, one answer, nothing kept."""
    if request.method not in {"GET", "POST"}:
        return _other_method(request, "GET", "POST")
    try:
        return await _ask(request)
    except CallerRefused as refusal:
        return _not_let_in(refusal)
    except AnswerFailed as failure:
        return _failure(500, NOT_ANSWERED + sentence(failure.code, in_conversation=False))
    except (ModelUnknown, ModelNotAllowed) as refusal:  # whoever asks names none
        return _failure(500, NOT_ANSWERED + str(refusal.message))
    except (ConversationError, QuotaExceeded, SuspiciousOperation) as refusal:
        return _refusal(refusal)
    except Exception:
        logger.exception("A question was not answered")
        return _failure(500, NOT_ANSWERED + sentence("internal_error"))


async def _ask(request: HttpRequest) -> HttpResponse:
    question = await calls.begun(partial(_begin, request))
    caller = question.call.caller
    try:
        text = await question.answer()
    except AnswerFailed:
        if question.call.why_cut == "not_welcome":
            raise callers.shut_out() from None
        if question.call.why_cut:
            raise Unavailable from None
        raise
    headers = await sync_to_async(_what_is_left)(caller)
    return _reply(200, {"message": text, "statu": True}, headers)


def _begin(request: HttpRequest) -> Question:
    now = timezone.now()
    caller = callers.caller_with_pass(request, now=now)
    return asking.begin(caller, _question(request), now=now)


def _question(request: HttpRequest) -> str:
    """The first `q`. Raises a ConversationError."""
    text = _text(_fields(request), "q") if request.method == "POST" else _text_of_query(request)
    if not text.strip():
        raise InvalidParameter(_("The question, q, is missing."))
    if len(text.encode()) > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(too_long())
    return text


def _text_of_query(request: HttpRequest) -> str:
    try:
        unquote_to_bytes(request.META["QUERY_STRING"]).decode()
    except UnicodeDecodeError:  # Django would replace what is not UTF-8 in silence
        raise InvalidText from None
    text = next(iter(request.GET.getlist("q")), "")
    check_text(text)
    return text


def _what_is_left(caller: Caller) -> dict[str, str]:
    now = timezone.now()
    found = quotas.allowances(caller.user, limits=caller.limits, now=now)
    requests = quotas.least(found, "requests")
    if requests is None:
        return {}
    seconds = math.ceil((requests.renews_at - now).total_seconds())
    return _limits(requests.limit, requests.left, seconds)


# --- Both ------------------------------------------------------------------------------------------------------------


def _fields(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body. Raises a ConversationError."""
    if request.content_type != JSON:
        raise NotJson
    fields = fields_of(request)
    if not request.body.strip():
        raise InvalidParameter(_("The body is not valid JSON."))
    return fields


def _text(fields: Mapping[str, Any], name: str) -> str:
    """What is not there is empty. Raises InvalidParameter for anything but a text."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidParameter(_("%(name)s has to be a text.") % {"name": name})
    return value


def _reply(
    status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """As Flask wrote it: sorted, nothing but ASCII, a line."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    kept_nowhere = {"Cache-Control": "no-store"}  # a pass, or what somebody asked
    return HttpResponse(
        f"{text}\n",
        status=status,
        content_type="application/json",
        headers={**kept_nowhere, **(headers or {})},
    )


def _failure(status: int, message: str) -> HttpResponse:
    return _reply(status, {"message": message, "statu": False})


def _other_method(request: HttpRequest, *methods: str) -> HttpResponse:
    asks_which = request.method == "OPTIONS"
    response = HttpResponse() if asks_which else _failure(405, "Method not allowed")
    response["Allow"] = ", ".join((*methods, "OPTIONS"))
    return response


def _not_let_in(refusal: CallerRefused) -> HttpResponse:
    """The package that the original looked passes at with had a shape of its own."""
    words = str(refusal.message)
    if refusal.code == "pass_ended":
        return _failure(refusal.status, words)
    return _reply(refusal.status, {"msg": words})


def _refusal(refusal: ConversationError | QuotaExceeded | SuspiciousOperation) -> HttpResponse:
    if isinstance(refusal, SuspiciousOperation):  # its own words are for the log
        return _failure(400, _("The request could not be understood."))
    if not isinstance(refusal, QuotaExceeded) or refusal.code != "quota_requests":
        return with_retry_after(_failure(refusal.status, str(refusal.message)), refusal)
    response = with_retry_after(_failure(refusal.status, USED_UP), refusal)
    for name, value in _limits(refusal.limit, 0, response["Retry-After"]).items():
        response[name] = value
    return response


def _limits(limit: object, left: int, seconds: object) -> dict[str, str]:
    """What may still be asked, and the seconds until it is renewed."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(seconds),
    }
