"""Role presets to a file and from one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from chatsite.views import see_other

from .. import access, presets
from ..errors import NotPossible
from ..preset_content import content_of
from ..preset_files import Problem, UnusableFile, as_csv, as_json, read_file
from ..preset_forms import ImportForm
from .replies import language, owner, signed_in

MOST_PROBLEMS = 50  # of those on the page


@require_safe
@signed_in
def export_all(request: HttpRequest) -> HttpResponseBase:
    """One's own, as JSON or (`format=csv`) as the common CSV of prompts."""
    contents = [content_of(preset) for preset in presets.own_presets(owner(request))]
    if request.GET.get("format") == "csv":
        return _file(as_csv(contents), "text/csv", "role-presets.csv")
    return _file(as_json(contents), "application/json", "role-presets.json")


@require_safe
@signed_in
def export(request: HttpRequest, preset_id: UUID) -> HttpResponseBase:
    """One that the user may use, as JSON."""
    preset = access.get_preset(owner(request), preset_id)
    name = f"{preset.slug or 'preset'}.json"
    return _file(as_json([content_of(preset)]), "application/json", name)


def _file(text: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(text.encode(), content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def import_(request: HttpRequest) -> HttpResponseBase:
    """All that is in the file or, if anything is wrong with it, nothing."""
    if request.method != "POST":
        return _page(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        found = read_file(form.cleaned_data["file"].read())
        if found.problems:
            return _page(request, ImportForm(), problems=found.problems, status=400)
        _import(request, owner(request), found.contents)
    except (UnusableFile, NotPossible) as refusal:
        form.add_error("file", str(refusal))
        return _page(request, form, status=400)
    return see_other(reverse("conversations:presets"))


def _import(request: HttpRequest, user: User, contents: list[dict[str, Any]]) -> None:
    count = presets.import_presets(user, contents, language())
    known = len(contents) - count
    said = ngettext(
        "%(count)s role preset has been imported.",
        "%(count)s role presets have been imported.",
        count,
    ) % {"count": count}
    if known:
        there = ngettext("%(count)s was there already.", "%(count)s were there already.", known)
        said = _("%(first)s %(second)s") % {"first": said, "second": there % {"count": known}}
    messages.success(request, said)


def _page(
    request: HttpRequest,
    form: ImportForm,
    *,
    problems: list[Problem] | None = None,
    status: int = 200,
) -> HttpResponse:
    problems = problems or []
    context = {
        "form": form,
        "problems": problems[:MOST_PROBLEMS],
        "more": len(problems[MOST_PROBLEMS:]),
        "own": presets.count_own(owner(request)),
    }
    return render(request, "conversations/preset_import.html", context, status=status)
