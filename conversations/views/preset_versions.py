"""What a role preset said before, what has changed from one version to the next, and back to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chatsite.views import see_other

from .. import access, presets
from ..differences import Piece, Work, compare
from ..models import PresetVersion
from ..preset_content import FIELDS, column_of
from .replies import owner, refusals, signed_in

AT_ONCE = 10
MOST_STEPS = 4_000_000  # of matching, for a whole page: one or two seconds


@dataclass(frozen=True)
class Change:
    """One field that is not what it was in the version before."""

    label: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Version:
    """One version as the page shows it. The first has no changes: it is where everything begins."""

    number: int
    created_at: datetime
    is_current: bool
    is_first: bool
    changes: list[Change]


@require_safe
@signed_in
def versions(request: HttpRequest, preset_id: UUID) -> HttpResponseBase:
    """The newest first, each with what changed in it; `before` is the number from which on there are older ones."""
    preset = access.get_kept_preset(owner(request), preset_id)
    rows = preset.versions.all()
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    found = list(rows[: AT_ONCE + 1])
    newest = preset.versions.values_list("number", flat=True).first()
    work = Work(MOST_STEPS)
    shown = [
        _version(row, older, work, is_current=row.number == newest)
        for row, older in zip(found, [*found[1:], None], strict=False)
    ][:AT_ONCE]
    context = {
        "preset": preset,
        "versions": shown,
        "older": shown[-1].number if len(found) > AT_ONCE else None,
        "is_newest_page": not shown or shown[0].is_current,
    }
    return render(request, "conversations/preset_versions.html", context)


def _version(
    row: PresetVersion, older: PresetVersion | None, work: Work, *, is_current: bool
) -> Version:
    return Version(
        number=row.number,
        created_at=row.created_at,
        is_current=is_current,
        is_first=older is None,
        changes=_changes(older.content, row.content, work) if older is not None else [],
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], work: Work) -> list[Change]:
    return [
        Change(
            capfirst(str(column_of(name).verbose_name)),
            compare(_as_text(before.get(name)), _as_text(after.get(name)), work=work),
        )
        for name in FIELDS
        if before.get(name) != after.get(name)
    ]


def _as_text(value: Any) -> str:
    """Of a list one line each; of an example turn who speaks, too."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return str(value)
    speakers = {"user": _("Question"), "assistant": _("Answer")}
    return "\n".join(
        f"{speakers[item['role']]}: {item['content']}" if isinstance(item, dict) else str(item)
        for item in value
    )


@require_POST
@signed_in
@refusals
def restore(request: HttpRequest, preset_id: UUID, number: int) -> HttpResponseBase:
    """Let the preset say what it said then. That is a new version: nothing is lost by it."""
    preset = access.get_kept_preset(owner(request), preset_id)
    presets.restore_version(preset, access.get_preset_version(preset, number))
    messages.success(request, _("Version %(number)s has been restored.") % {"number": number})
    return see_other(reverse("conversations:preset-versions", args=[preset.pk]))
