"""Lists of conversations: the sidebar's by itself for scripts, a page to find and order many at once, what runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from .. import access, listing, preset_choices
from ..forms import uuid_or_none
from ..listing import cursor_or_none
from .replies import language, owner, signed_in
from .sidebar import sidebar_context, tag_of

ROWS_OF_A_PAGE = 100
FOUND = 20


@require_safe
@signed_in
def rows(request: HttpRequest) -> HttpResponseBase:
    """The sidebar's list."""
    context = sidebar_context(request, owner(request))
    return render(request, "conversations/_conversation_list.html", context)


@require_safe
@signed_in
def running(request: HttpRequest) -> HttpResponseBase:
    """Where an answer runs: what a page asks every few seconds while one of its rows says so. One query of its own."""
    return JsonResponse({"running": sorted(map(str, listing.running(owner(request))))})


@require_safe
@signed_in
def search(request: HttpRequest) -> HttpResponseBase:
    """The newest conversations whose titles have all the words; archived ones after the others."""
    user, words = owner(request), request.GET.get("q", "")[:200].replace("\0", "")
    found, _more = listing.page(listing.conversations_of(user, words=words), limit=FOUND)
    if words.split() and len(found) < FOUND:
        archived = listing.conversations_of(user, words=words, archived=True)
        found += listing.page(archived, limit=FOUND - len(found))[0]
    return JsonResponse(
        {"items": [{"id": row.id, "title": row.title, "url": row.url} for row in found]}
    )


@require_safe
@signed_in
def overview(request: HttpRequest) -> HttpResponseBase:
    """Every conversation of a kind, to find by title and to order several at once; whatever they are, the bin."""
    user = owner(request)
    words = request.GET.get("q", "")[:200].replace("\0", "")
    key = uuid_or_none(request.GET.get("folder", ""))
    folder = access.get_folder(user, key) if key is not None else None
    tag = tag_of(request, user)
    archived = bool(request.GET.get("archived"))
    found = listing.conversations_of(user, archived=archived, words=words, folder=folder, tag=tag)
    after = cursor_or_none(request.GET.get("older", ""))
    shown, more = listing.page(found, after=after, limit=ROWS_OF_A_PAGE)
    folders, tags = listing.labels(user)
    deleted, more_deleted = listing.bin_of(user, now=timezone.now())
    chosen: dict[str, Any] = {
        name: value
        for name, value in request.GET.items()
        if name in {"q", "folder", "tag", "archived"} and value
    }
    context = {
        "rows": shown,
        "words": words,
        "folder": folder,
        "tag": tag,
        "archived": archived,
        "is_filtered": bool(words or folder or tag),
        "folders": folders,
        "tags": tags,
        "deleted": deleted,
        "more_deleted": more_deleted,
        "here": f"?{urlencode(chosen)}",
        "older_url": f"?{urlencode(chosen | {'older': shown[-1].cursor})}" if more else "",
    }
    return render(request, "conversations/overview.html", context)


@require_safe
@signed_in
def palette(request: HttpRequest) -> HttpResponseBase:
    """What Ctrl+K opens, without the conversations that it searches for."""
    presets = preset_choices.presets_for(owner(request), language())
    context = {"presets": [(preset_choices.preset_key(preset), preset) for preset in presets]}
    return render(request, "conversations/_palette.html", context)
