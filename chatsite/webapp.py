"""The site as an app on somebody's device: the manifest, the service worker and the page it shows when offline.

The worker is served at the root, because it may only look after addresses below its own. It keeps nothing of anybody.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

PAPER, SEA = "#faf8f4", "#17635f"
WORKER = Path(__file__).with_name("service-worker.js")
# What the offline page is made of. Hashed names: a changed file is another file.
FILES = ("chatsite/css/site.css", "chatsite/js/offline.js", "chatsite/icon.svg")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """In the reader's language. Shared text comes to the new chat's composer, to be looked at and sent by hand."""
    return JsonResponse(
        {
            "id": "/",
            "name": str(settings.SITE_NAME),
            "short_name": str(settings.SITE_NAME),
            "description": _("Ask, read and go on: your conversations with language models."),
            "lang": translation.get_language(),
            "dir": "rtl" if translation.get_language_bidi() else "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": [
                *(_icon(f"app-{size}", size, purpose="any") for size in (192, 512)),
                *(_icon(f"maskable-{size}", size, purpose="maskable") for size in (192, 512)),
            ],
            "shortcuts": [
                {"name": _("New chat"), "url": "/", "icons": [_icon("app-192", 192)]},
                {"name": _("Role presets"), "url": reverse("conversations:presets")},
            ],
            "share_target": {
                "action": "/",
                "method": "GET",
                "enctype": "application/x-www-form-urlencoded",
                "params": {"title": "title", "text": "q", "url": "url"},
            },
        },
        content_type="application/manifest+json",
    )


def _icon(name: str, size: int, **more: str) -> dict[str, str]:
    source = static(f"chatsite/icons/{name}.png")
    return {"src": source, "sizes": f"{size}x{size}", "type": "image/png", **more}


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_worker(), content_type="text/javascript; charset=utf-8")


@cache
def _worker() -> str:
    """Another version whenever the offline page or a file of it changes, which makes browsers fetch them anew."""
    kept = [reverse("offline"), *map(static, FILES)]
    source = WORKER.read_text(encoding="utf-8")
    version = hashlib.sha256((offline_page() + "".join(kept) + source).encode()).hexdigest()[:12]
    return f"const VERSION = {json.dumps(version)};\nconst KEEP = {json.dumps(kept)};\n{source}"


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    return HttpResponse(offline_page())


def offline_page() -> str:
    """In every language at once, and the same for everyone: it is kept before anyone knows who will read it."""
    with translation.override(settings.LANGUAGE_CODE):
        context = {"site_name": settings.SITE_NAME, "languages": settings.LANGUAGES}
        return render_to_string("offline.html", context)
