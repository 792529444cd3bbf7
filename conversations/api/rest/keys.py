"""Who asks: the key in `Authorization: Bearer`, and what it has to be good for."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase

from accounts import callers
from accounts.callers import Caller
from accounts.models import Scope


class ApiKey(AuthBase):
    """Lets in who shows a key with all of these scopes. Raises CallerRefused."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "ck_<prefix>_<secret>"
    openapi_description = "An API key of this site. It is shown once, when it is made."

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = scopes

    def __call__(self, request: HttpRequest) -> Caller:
        return callers.caller_with_key(request, scope=self.scopes, now=timezone.now())


READ = ApiKey(Scope.READ)
WRITE = ApiKey(Scope.WRITE)
SEND = ApiKey(Scope.WRITE, Scope.CHAT)


def caller(request: HttpRequest) -> Caller:
    """Who asks, in a route that one of the above lets in."""
    return cast(Caller, getattr(request, "auth"))  # noqa: B009 (ninja puts it there)
