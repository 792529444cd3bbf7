"""What views share: who asks, and how errors of ours, a send's ids and the ways back become pages or JSON."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import MAX_URL_LENGTH
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.quotas import QuotaExceeded
from chatsite.views import error_json, error_page, see_other, wants_json

from ..answering import Begun
from ..errors import STATUSES, AnswerFailed, ConversationError, sentence
from ..models import Conversation
from ..sending import Sent

Refusal = ConversationError | QuotaExceeded
View = Callable[..., HttpResponseBase]

RETRY_SOON = 5  # seconds


def signed_in(view: View) -> View:
    """Sends people to the sign-in page and back; tells programs 401, and people whose way back is too long."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if wants_json(request):
            return error_json(401, "not_signed_in", _("Sign in first."))
        back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
        if len(back) > MAX_URL_LENGTH:
            return error_page(
                request,
                401,
                "not_signed_in",
                _("Sign in first"),
                _(
                    "The text is too long to be kept meanwhile: come back here afterwards and reload."
                ),
            )
        return redirect_to_login(back)

    return guarded


def owner(request: HttpRequest) -> User:
    """The signed-in user of a view behind `signed_in`."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 (`signed_in` lets nobody else in; tells the type checker)
    return user


def language() -> str:
    return get_language() or settings.LANGUAGE_CODE


def refusals(view: View) -> View:
    """Turns a refusal into JSON, or into an error page where the view has nothing better."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (ConversationError, QuotaExceeded) as refusal:
            if wants_json(request):
                return refusal_json(refusal)
            page = error_page(
                request, refusal.status, refusal.code, _("That did not work"), refusal.message
            )
            return with_retry_after(page, refusal)

    return guarded


def refusal_json(refusal: Refusal) -> JsonResponse:
    extra: dict[str, object] = {}
    if field := getattr(refusal, "field", ""):
        extra["field"] = field
    if isinstance(refusal, QuotaExceeded):
        extra["limit"] = refusal.limit
        if refusal.resets_at is not None:
            extra["resets_at"] = refusal.resets_at.isoformat()
    response = error_json(refusal.status, refusal.code, refusal.message, **extra)
    with_retry_after(response, refusal)
    return response


def failure_json(failure: AnswerFailed, *, words: Mapping[str, str | Promise]) -> JsonResponse:
    """A call that the endpoint did not answer. words: sentences by code, where the usual ones speak of an answer."""
    status = STATUSES.get(failure.code, 502)
    message = words.get(failure.code) or sentence(failure.code, in_conversation=False)
    response = error_json(status, failure.code, message)
    if status in {429, 503}:
        response["Retry-After"] = str(RETRY_SOON)
    return response


def with_retry_after(response: HttpResponse, refusal: Refusal) -> HttpResponse:
    """Retry-After in seconds, with 429 and 503."""
    if refusal.status in {429, 503}:
        seconds = RETRY_SOON
        resets_at = getattr(refusal, "resets_at", None)
        if resets_at is not None:
            seconds = max(1, math.ceil((resets_at - timezone.now()).total_seconds()))
        response["Retry-After"] = str(seconds)
    return response


def back_to(conversation: Conversation) -> HttpResponse:
    return see_other(reverse("conversations:conversation", args=[conversation.pk]))


def back_to_list(here: str) -> HttpResponse:
    """The page of conversations as it was filtered: `here` is the query it gave to its forms."""
    is_ours = here.startswith("?") and here.isprintable()
    return see_other(reverse("conversations:overview") + (here if is_ours else ""))


def sent_json(sent: Sent) -> JsonResponse:
    """201 for what was made, 200 for what had been made before. Compared answers are listed as well."""
    body: dict[str, object] = {
        "conversation": sent.conversation_id,
        "message": sent.message_id,
        "url": reverse("conversations:conversation", args=[sent.conversation_id]),
        **_begun(sent.first),
    }
    if len(sent.answers) > 1:
        body["answers"] = [{**_begun(one), "model": one.model_name} for one in sent.answers]
    return JsonResponse(body, status=201 if sent.created else 200)


def _begun(begun: Begun) -> dict[str, object]:
    return {
        "answer": begun.answer_id,
        "completion": begun.completion_id,
        "events": reverse("conversations:completion-events", args=[begun.completion_id]),
        "stop": reverse("conversations:completion-stop", args=[begun.completion_id]),
    }
