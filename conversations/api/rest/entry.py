"""The way in: one view for every address, which loads the API with the first request that needs it.

django-ninja and pydantic would cost a site that no program asks 9 MB and a third of a second at its start.
"""

from __future__ import annotations

import hashlib

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
)
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from chatsite.views import error_json

ROUTES = "conversations.api.rest.routes"
KEPT_IN_304 = ("Cache-Control", "ETag", "Vary")


@csrf_exempt  # a key in a header is nothing that another site could make a browser send
async def rest(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """path: below `/api/v1/`, with or without a slash at its end."""
    match = await sync_to_async(_match)(path)
    view = match.func if iscoroutinefunction(match.func) else sync_to_async(match.func)
    response: HttpResponseBase = await view(request, *match.args, **match.kwargs)
    if response.status_code == 405:
        response = _method_not_allowed(response)
    elif (
        isinstance(response, HttpResponse)
        and request.method == "GET"
        and response.status_code == 200
    ):
        response = _unless_known(request, response)
    patch_vary_headers(response, ["Authorization"])
    return response


def _match(path: str) -> ResolverMatch:
    """In a thread: the first time it imports the whole API."""
    try:
        return get_resolver(ROUTES).resolve(f"/{path.rstrip('/')}")
    except Resolver404:
        raise Http404 from None


def _method_not_allowed(response: HttpResponseBase) -> HttpResponse:
    allowed = ", ".join(sorted(response.headers["Allow"].split(", ")))
    refusal = error_json(
        405,
        "method_not_allowed",
        _("This address takes only these methods: %(methods)s.") % {"methods": allowed},
    )
    refusal["Allow"] = allowed
    return refusal


def _unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with its ETag, or 304 to whoever has it already."""
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if known != ["*"] and etag not in (one.removeprefix("W/") for one in known):
        return response
    not_modified = HttpResponseNotModified()
    for name in KEPT_IN_304:
        if name in response:
            not_modified[name] = response[name]
    return not_modified
