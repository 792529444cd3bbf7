"""Lists of conversations by themselves: for scripts that take the place of a reload."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from .pages import owner
from .replies import signed_in
from .sidebar import sidebar_context


@require_safe
@signed_in
def rows(request: HttpRequest) -> HttpResponseBase:
    """The sidebar's list."""
    context = sidebar_context(owner(request), request.GET, None)
    return render(request, "conversations/_conversation_list.html", context)
