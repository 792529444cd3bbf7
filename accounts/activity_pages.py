"""What happened to one's account, and who did it: the person's own part of the audit log."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import audit
from .views import signed_in_user

AT_ONCE = 50


@never_cache
@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    """Newest first; `before` is the number of the entry from which on there are older ones."""
    entries = audit.entries_about(signed_in_user(request))
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 18:
        entries = entries.filter(pk__lt=int(before))
    found = list(entries.order_by("-pk")[: AT_ONCE + 1])
    return render(
        request,
        "accounts/activity.html",
        {
            "entries": found[:AT_ONCE],
            "older": found[AT_ONCE - 1].pk if len(found) > AT_ONCE else None,
            "is_newest_page": not before,
            "chat_page": settings.CHAT_PAGE,
        },
    )
