"""How everything that can go wrong is told: `{"error": {code, message, request_id, …}}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from accounts.callers import CallerRefused
from accounts.quotas import QuotaExceeded
from chatsite.views import error_json, page_not_found

from ...errors import ConversationError, InvalidParameter, MessageTooLong
from ...forms import cut_off, too_long
from ...parameters import PARAMETERS
from ...views.replies import refusal_json

# By the beginning of pydantic's name for what is wrong; the first that fits.
SENTENCES: tuple[tuple[str, str | Promise], ...] = (
    ("missing", gettext_lazy("%(name)s is missing.")),
    ("extra_forbidden", gettext_lazy("There is no field %(name)s here.")),
    ("string_too_long", gettext_lazy("%(name)s is too long.")),
    ("string", gettext_lazy("%(name)s has to be a text.")),
    ("uuid", gettext_lazy("%(name)s has to be a UUID.")),
    ("bool", gettext_lazy("%(name)s has to be true or false.")),
    ("", gettext_lazy("%(name)s has a value that is not possible here.")),
)


def tell_in_our_words(api: NinjaAPI) -> None:
    """What is none of these is an error of ours, which is logged and told like that of a page."""
    replies: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        CallerRefused: _caller_refused,
        ConversationError: _refused,
        QuotaExceeded: _refused,
        ValidationError: _invalid,
        HttpError: _unreadable,
        RequestDataTooBig: _too_large,
        UnreadablePostError: _cut_off,
        Http404: page_not_found,
    }
    for kind, answer in replies.items():
        api.add_exception_handler(kind, answer)


def _caller_refused(request: HttpRequest, refusal: CallerRefused) -> HttpResponse:
    response = error_json(refusal.status, refusal.code, refusal.message)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _refused(request: HttpRequest, refusal: ConversationError | QuotaExceeded) -> HttpResponse:
    return refusal_json(refusal)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    source, *place = first["loc"]
    if source == "path":
        return page_not_found(request, error)
    return refusal_json(_refusal(str(first["type"]), _field(source, place)))


def _field(source: str, place: Sequence[Any]) -> str:
    """The name in the request of what is wrong; empty for the body as a whole."""
    inside = place[1:] if source == "body" else place
    return str(inside[0]) if inside else ""


def _refusal(kind: str, name: str) -> ConversationError:
    if not name:
        return InvalidParameter(_("The body has to be a JSON object."))
    if name in PARAMETERS and kind != "extra_forbidden":
        return PARAMETERS[name].refusal()
    sentence = next(text for beginning, text in SENTENCES if kind.startswith(beginning))
    # What a program calls a field that does not exist may be anything: JSON can say what UTF-8 cannot.
    shown = name[:60].encode(errors="replace").decode()
    return InvalidParameter(sentence % {"name": shown}, field=shown)


def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja wraps what the parser raises."""
    cause = error.__cause__
    if not isinstance(cause, ConversationError):
        raise error
    return refusal_json(cause)


def _too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return refusal_json(MessageTooLong(too_long()))


def _cut_off(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    return refusal_json(InvalidParameter(cut_off()))
