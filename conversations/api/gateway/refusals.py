"""What is refused, in the shape that OpenAI's clients read: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.callers import CallerRefused
from accounts.quotas import QuotaExceeded
from chatsite.logs import request_id

from ...errors import STATUSES, AnswerFailed, ConversationError, ModelUnknown, sentence
from ...upstream.requests import EndpointAddress

if TYPE_CHECKING:
    from ...upstream.connections import Refused

MOST_WAIT_SECONDS = 3600
LONG_WAIT_SECONDS = 60  # with more to wait the official client is told not to try again by itself

# Status, type and code of an answer that failed before its first byte, where OpenAI has words of its own. Never 401 for
# a key that is the site's own.
FAILURES = {
    "upstream_rate_limited": (429, "requests", "rate_limit_exceeded"),
    "context_too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "not_welcome": (401, "invalid_request_error", "invalid_api_key"),
}


@dataclass(frozen=True)
class Refusal(Exception):
    """A request that is refused. more: further members of the error object."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
                **self.more,
                "request_id": request_id.get(),
            }
        }


class PassedOn(Exception):
    """The endpoint refused what the program sent, which is told in the endpoint's own words."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def invalid(message: str, *, param: str | None = None, code: str = "invalid_value") -> Refusal:
    return Refusal(400, "invalid_request_error", code, message, param)


def response_to(error: Exception) -> HttpResponse:
    """The answer to a request that failed in a way that was foreseen; anything else is raised again."""
    if isinstance(error, PassedOn):
        return HttpResponse(error.body, status=error.status, content_type="application/json")
    refusal = error if isinstance(error, Refusal) else _refusal(error)
    return JsonResponse(refusal.body, status=refusal.status, headers=dict(refusal.headers))


def _refusal(error: Exception) -> Refusal:
    match error:
        case CallerRefused(status=401):
            header = {"WWW-Authenticate": 'Bearer realm="v1"'}
            return Refusal(
                401, "invalid_request_error", "invalid_api_key", str(error.message),
                headers=header, more={"reason": error.code},
            )  # fmt: skip
        case CallerRefused():
            return Refusal(
                error.status,
                "invalid_request_error",
                "insufficient_permissions",
                str(error.message),
            )
        case QuotaExceeded():
            return _over_quota(error)
        case AnswerFailed():
            return failure(error.code, retry_after=error.retry_after)
        case ModelUnknown():
            message = _("There is no such model for this address; GET /v1/models lists them all.")
            return Refusal(404, "invalid_request_error", "model_not_found", message, "model")
        case ConversationError():
            kind = "server_error" if error.status >= 500 else "invalid_request_error"
            headers = {"Retry-After": "5"} if error.status == 503 else {}
            param = "model" if error.code == "model_not_allowed" else None
            return Refusal(
                error.status, kind, error.code, str(error.message), param, headers=headers
            )
        case _:
            raise error


def failure(code: str, *, retry_after: float | None = None) -> Refusal:
    """An answer that failed, by its code."""
    status, kind, name = FAILURES.get(code, (STATUSES.get(code, 502), "server_error", code))
    headers = {}
    if status in (429, 503):
        # Endpoints have been seen to ask for centuries.
        wait = min(retry_after or 5, MOST_WAIT_SECONDS)
        headers["Retry-After"] = str(math.ceil(wait))
    message = (
        _("The API key ended while this was being answered.")
        if code == "not_welcome"
        else sentence(code, in_conversation=False)
    )
    return Refusal(status, kind, name, message, headers=headers)


def error_frame(code: str) -> bytes:
    """What ends a stream that broke, as clients expect it."""
    return b"data: " + json.dumps(failure(code).body, ensure_ascii=False).encode() + b"\n\n"


def in_its_words(refused: Refused, address: EndpointAddress) -> bytes:
    """The endpoint's error object if it sent one, else its words in one; without where it is and the site's key."""

    def told(text: str) -> str:
        for secret in (address.api_key, address.base_url, urlsplit(address.base_url).netloc):
            text = text.replace(secret, "…") if secret else text
        return text

    try:
        body = json.loads(refused.message)
        own = body["error"]
        found = {name: own[name] for name in ("message", "type", "param", "code") if name in own}
    except (ValueError, LookupError, TypeError, RecursionError):
        found = {}
    if not isinstance(found.get("message"), str):
        found["message"] = refused.message[:1_000]
    error = {
        "type": "invalid_request_error",
        "param": refused.parameter or None,
        "code": "upstream_refused",
        **{name: value for name, value in found.items() if isinstance(value, str)},
        "request_id": request_id.get(),
    }
    shown = {
        name: told(value) if isinstance(value, str) else value for name, value in error.items()
    }
    return json.dumps({"error": shown}).encode()


def _over_quota(error: QuotaExceeded) -> Refusal:
    wait = 5 if error.resets_at is None else _seconds_until(error.resets_at)
    headers = {"Retry-After": str(wait)}
    if wait > LONG_WAIT_SECONDS:
        headers["X-Should-Retry"] = "false"
    more = {"limit": _number(error.limit), "quota": error.code}
    if error.resets_at is None:
        return Refusal(
            429, "requests", "rate_limit_exceeded", str(error.message), headers=headers, more=more
        )
    more["resets_at"] = error.resets_at.isoformat()
    return Refusal(
        429,
        "insufficient_quota",
        "insufficient_quota",
        str(error.message),
        headers=headers,
        more=more,
    )


def _seconds_until(moment: datetime) -> int:
    return max(1, math.ceil((moment - timezone.now()).total_seconds()))


def _number(value: object) -> int | str:
    return value if isinstance(value, int) else str(value)


def unknown_url(request: HttpRequest) -> Refusal:
    message = _("There is no %(method)s %(path)s here.") % {
        "method": request.method,
        "path": request.path[:200],
    }
    return Refusal(404, "invalid_request_error", "unknown_url", message)


def wrong_method(request: HttpRequest, allowed: str) -> Refusal:
    message = _("Use %(allowed)s here, not %(method)s.") % {
        "allowed": allowed,
        "method": request.method,
    }
    return Refusal(
        405, "invalid_request_error", "method_not_allowed", message, headers={"Allow": allowed}
    )
