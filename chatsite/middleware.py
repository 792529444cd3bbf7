"""The request's way in: health, request id, policy, cookies in frames, and Django's own without thread hops.

Django runs each of its middlewares' halves in a thread under ASGI, some thirteen hops a request, although none of them
does any I/O but saving a changed session. The classes at the end run them inline; only that save takes a thread.
What programs ask goes past those that are about browsers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from http.cookies import Morsel
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware import common, csrf, locale, security
from django.urls import reverse

from . import health
from .logs import request_id
from .views import is_for_programs

GetResponse = Callable[[HttpRequest], Any]
SENT_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}")


class Middleware:
    """Before and after the view, the same code for sync and async."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.__acall__(request)
        response = self.before(request) or self.get_response(request)
        return self.after(request, response)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.before(request) or await self.get_response(request)
        return self.after(request, response)

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        return None

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response


class HealthMiddleware(Middleware):
    """Answers /livez and /readyz for any host name, without session, redirect or cookie."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.__acall__(request)
        if request.path == "/livez":
            return health.live()
        if request.path == "/readyz":
            return health.ready()
        response: HttpResponseBase = self.get_response(request)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/livez":
            return health.live()
        if request.path == "/readyz":
            return await sync_to_async(health.ready)()
        response: HttpResponseBase = await self.get_response(request)
        return response


class RequestIdMiddleware(Middleware):
    """One id per request: taken from a proxy's X-Request-ID if it is sound, sent back, and in every log line."""

    def before(self, request: HttpRequest) -> None:
        sent = request.headers.get("X-Request-ID", "")
        request_id.set(sent if SENT_ID.fullmatch(sent) else uuid.uuid4().hex)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-ID"] = request_id.get()
        return response


class ProgramsMiddleware(Middleware):
    """Where programs ask, no cookie counts, not even that of the language; see `ForPeople` for what would set one."""

    def before(self, request: HttpRequest) -> None:
        if is_for_programs(request):
            request.COOKIES = {}


POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors "
)


class ContentSecurityPolicyMiddleware(Middleware):
    """No inline script or style anywhere, admin included, and nothing from another origin.

    No other site shows these pages in a frame but those of EMBED_ORIGINS, and none the administration, where a click
    that was lured out of somebody would do the most.
    """

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        framers = [] if is_administration(request) else settings.EMBED_ORIGINS
        policy = POLICY + " ".join(framers or ["'none'"])
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault(
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
        )
        if not framers:  # it cannot name an origin
            response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        # Pages show what is somebody's: no shared cache, and none without asking after they signed out.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


def is_administration(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


class PartitionedCookie(Morsel[str]):
    """A cookie that belongs to the site in the address bar and the one in the frame together.

    Python knows the attribute from 3.14 on, Django's `set_cookie` does not.
    """

    _reserved = {**Morsel._reserved, "partitioned": "Partitioned"}  # type: ignore[attr-defined]
    _flags = Morsel._flags | {"partitioned"}  # type: ignore[attr-defined]


class FramedCookiesMiddleware(Middleware):
    """With EMBED_ORIGINS: browsers keep cookies of a framed page only if each says all three of these."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.EMBED_ORIGINS:
            for name, cookie in list(response.cookies.items()):
                framed = PartitionedCookie()
                framed.set(name, cookie.value, cookie.coded_value)
                framed.update(cookie)
                framed["samesite"] = "None"
                framed["secure"] = framed["partitioned"] = True
                response.cookies[name] = framed
        return response


class Inline:
    """Runs a Django middleware's two halves in place, not in a thread: neither touches the disk or the network."""

    get_response: GetResponse

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        if response is None:
            response = await self.get_response(request)
        if hasattr(self, "process_response"):
            response = self.process_response(request, response)
        assert response is not None  # noqa: S101 (tells the type checker)
        return response


class ForPeople:
    """Lets by what programs ask: their requests have no session, no user and no messages, and need no CSRF token."""

    get_response: GetResponse

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if is_for_programs(request):
            return self.get_response(request)  # type: ignore[no-any-return]
        return super().__call__(request)  # type: ignore[misc, no-any-return]  # of what this is mixed into


class SecurityMiddleware(Inline, security.SecurityMiddleware):
    pass


class LocaleMiddleware(Inline, locale.LocaleMiddleware):
    pass


class CommonMiddleware(Inline, common.CommonMiddleware):
    pass


class AuthenticationMiddleware(ForPeople, Inline, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(ForPeople, Inline, messages.MessageMiddleware):
    pass


class CsrfMiddleware(ForPeople, Inline, csrf.CsrfViewMiddleware):
    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            # Django runs a plain process_view in a thread; a coroutine it awaits in place.
            setattr(self, "process_view", self.process_view_inline)  # noqa: B010 (the types differ, as they should)

    async def process_view_inline(
        self, request: HttpRequest, callback: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        refuse: Any = csrf.CsrfViewMiddleware.process_view(self, request, callback, args, kwargs)
        return await sync_to_async(refuse)() if refuse else None

    def _reject(self, request: HttpRequest, reason: str) -> Any:  # called by process_view
        refuse = partial(super()._reject, request, reason)  # type: ignore[misc]  # the stubs leave it out
        # The page that says so asks the database, which the loop must not.
        return refuse if self.async_mode else refuse()

    def _check_token(self, request: HttpRequest) -> None:  # called by process_view
        # Looking for the token parses a multipart form from the stream, after which its bytes cannot be checked.
        if request.content_type == "multipart/form-data":
            request.body  # noqa: B018 (reads and keeps it, up to the limit of the settings)
        super()._check_token(request)  # type: ignore[misc]  # the stubs leave it out


class SessionMiddleware(ForPeople, sessions.SessionMiddleware):
    """Saving a changed session is the one thing here that needs a thread."""

    def process_request(self, request: HttpRequest) -> None:
        """A key that is none of ours is not looked for: PostgreSQL fails at the NUL that a quoted cookie can spell."""
        super().process_request(request)
        if not SESSION_KEY.fullmatch(request.session.session_key or ""):
            request.session = self.SessionStore(None)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        response: Any = await cast(Awaitable[Any], self.get_response(request))
        if request.session.modified and not request.session.is_empty():
            saved: HttpResponseBase = await sync_to_async(self.process_response)(request, response)
            return saved
        return self.process_response(request, response)
