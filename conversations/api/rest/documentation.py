"""How the API describes itself, in OpenAPI's JSON and as a page for people. Open to everyone: nobody's data is in it.

The page is Swagger UI, whose files come with django-ninja. They are served from there: among the site's static files
they would cost each first start half a minute, with their maps and a second viewer, for a page that few will open.
A style sheet and a script of ours mend what it draws too pale and leaves without a name.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import ninja
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET
from ninja import NinjaAPI

FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui-init.js": "text/javascript; charset=utf-8",
}


@require_GET
def openapi(request: HttpRequest, api: NinjaAPI) -> HttpResponse:
    return JsonResponse(_schema(api, reverse("conversations:rest")))


@cache
def _schema(api: NinjaAPI, prefix: str) -> dict[str, Any]:
    return api.get_openapi_schema(path_prefix=prefix)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    root = reverse("conversations:rest")
    swagger = {
        "url": f"{root}openapi.json",
        "layout": "BaseLayout",
        "deepLinking": False,  # its links would stand in buttons, where keyboards and screen readers lose them
        "syntaxHighlight": {"theme": "obsidian"},
        "docExpansion": "list",
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,
    }
    return render(request, "api/docs.html", {"files": f"{root}docs/", "swagger": swagger})


@require_GET
def file(request: HttpRequest, name: str) -> HttpResponse:
    """One of Swagger UI's, compressed for who takes that."""
    if name not in FILES:
        raise Http404
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    content = _compressed(name) if takes_gzip else _path(name).read_bytes()
    response = HttpResponse(content, content_type=FILES[name])
    if takes_gzip:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_path(name).read_bytes(), mtime=0)


def _path(name: str) -> Path:
    return Path(ninja.__file__).parent / "static" / "ninja" / name
