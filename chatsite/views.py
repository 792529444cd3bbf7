"""Error pages and the small fixed addresses. What is wrong, in a page for people and as JSON for programs."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .logs import request_id
from .shapes import error_body

# Where programs ask, which show a key or a pass: no browser's session counts there.
FOR_PROGRAMS = re.compile(r"/(?:v1/|api/v1/|token\Z|api\Z)")


def is_for_programs(request: HttpRequest) -> bool:
    return FOR_PROGRAMS.match(request.path_info) is not None


def wants_json(request: HttpRequest) -> bool:
    """A program asked: it accepts JSON and did not ask for a page, or knows nothing else."""
    if is_for_programs(request):
        return True
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def error_json(status: int, code: str, message: str | Promise, **extra: object) -> JsonResponse:
    """`{"error": {code, message, request_id, …extra}}` with that status."""
    error = {"code": code, "message": str(message), "request_id": request_id.get(), **extra}
    return JsonResponse({"error": error}, status=status)


def _error_for(
    request: HttpRequest, status: int, code: str, message: str | Promise
) -> JsonResponse:
    """The same, in the shape of the address that was asked."""
    body = error_body(
        request.path_info,
        status=status,
        code=code,
        message=str(message),
        request_id=request_id.get(),
    )
    return JsonResponse(body, status=status)


def error_page(
    request: HttpRequest, status: int, code: str, title: str, message: str | Promise
) -> HttpResponse:
    """The error for whoever asked. `title` heads the page; a program gets `code` and `message`."""
    if wants_json(request):
        return _error_for(request, status, code, message)
    context = {"title": title, "message": message, "status": status, "request_id": request_id.get()}
    return render(request, "error.html", context, status=status)


def see_other(url: str) -> HttpResponse:
    """303: the browser goes there with GET, and reloading it sends nothing twice."""
    return HttpResponse(status=303, headers={"Location": url})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        limit = settings.MESSAGE_MAX_BYTES
        return error_page(
            request,
            413,
            "message_too_long",
            _("That is too long"),
            _(
                "A message may have %(limit)s bytes. Go back, your text is still there; shorten or split it."
            )
            % {"limit": limit},
        )
    return error_page(
        request,
        400,
        "bad_request",
        _("That request was not understood"),
        _("Something in the address or the form is not valid. Go back and try again."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request,
        403,
        "forbidden",
        _("Not allowed"),
        _("Your account may not do this. Ask an administrator if you think it should."),
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request,
        404,
        "not_found",
        _("Not found"),
        _("There is nothing here, or it belongs to someone else."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks the database nothing, not even who is there: it may be what is broken."""
    message = _(
        "The error has been logged. Try again; if it stays, send the number below to an administrator."
    )
    if wants_json(request):
        return _error_for(request, 500, "internal_error", message)
    context = {
        "title": _("Something went wrong"),
        "message": message,
        "status": 500,
        "request_id": request_id.get(),
        "site_name": settings.SITE_NAME,
    }
    return HttpResponse(render_to_string("error.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        403,
        "csrf_failed",
        _("This page is too old"),
        _(
            "Nothing was changed. Go back, reload the page and send it again; cookies must be allowed."
        ),
    )


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponseBase:
    return redirect(static("chatsite/icon.svg"), permanent=False)


@require_safe
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Password managers look at /.well-known/change-password."""
    return redirect("account_change_password")
