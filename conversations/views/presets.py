"""The gallery of role presets, the page of each, and what new chats begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, quotas
from accounts.audit import Action
from accounts.models import User
from chatsite.views import see_other

from .. import access, catalogue, preset_choices, presets
from ..errors import NotPossible
from ..forms import fields_of, text_field, uuid_or_none
from ..models import RolePreset
from ..preset_content import column_of
from ..preset_forms import PresetForm
from ..variables import variables_in
from ..writing import writing
from .choices import model_choice
from .replies import language, owner, refusals, signed_in

AT_ONCE = 60  # cards in one group, until all are asked for
LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Card:
    """One role preset in the gallery; `key` is what a request names it by."""

    id: UUID
    key: str
    name: str
    icon: str
    description: str
    by: str
    is_own: bool
    is_shared: bool
    is_default: bool


@dataclass(frozen=True)
class Group:
    """A heading with its cards; `more` says how many are not shown."""

    name: str
    title: str
    cards: list[Card]
    more: int


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@refusals
def gallery(request: HttpRequest) -> HttpResponseBase:
    """GET shows and searches (`q`); POST says what new chats begin with."""
    user = owner(request)
    if request.method == "POST":
        return _choose_defaults(request, user)
    search = " ".join(request.GET.get("q", "")[:LONGEST_SEARCH].split())
    shown = presets.gallery(user, language(), search=search)
    most = None if "all" in request.GET else AT_ONCE
    context = {
        "groups": [
            _group("own", _("Yours"), shown.own, user, most),
            _group("site", _("From this site"), shown.site, user, most),
            _group("others", _("Shared by others"), shown.others, user, most),
        ],
        "search": search,
        "count": len(shown.own) + len(shown.site) + len(shown.others),
        "has_own": bool(shown.own),
        "models": [
            model_choice(model, is_current=model.name == user.default_model)
            for model in catalogue.offered(quotas.limits_of(user))
        ],
    }
    return render(request, "conversations/presets.html", context)


def _choose_defaults(request: HttpRequest, user: User) -> HttpResponse:
    """A field that is not there leaves what it is about."""
    fields = fields_of(request)
    if "default_model" in fields:
        user.default_model = text_field(fields, "default_model").strip()
        if user.default_model:
            catalogue.choose_model(user.default_model, limits=quotas.limits_of(user))
    if "default_preset" in fields:
        key = text_field(fields, "default_preset").strip()
        preset = preset_choices.choose_preset(user, key, language())
        # Not as it was written: a UUID has many spellings, some too long for the column.
        user.default_preset = preset_choices.preset_key(preset) if preset else ""
    user.save(update_fields=["default_model", "default_preset"])
    messages.success(request, _("New chats now begin with this."))
    return see_other(reverse("conversations:presets"))


def _group(
    name: str, title: str, rows: Iterable[RolePreset], user: User, most: int | None
) -> Group:
    cards = [_card(preset, user) for preset in rows]
    return Group(name, title, cards[:most], len(cards[most:]) if most else 0)


def _card(preset: RolePreset, user: User) -> Card:
    key = preset_choices.preset_key(preset)
    is_own = preset.owner_id == user.pk
    return Card(
        id=preset.pk,
        key=key,
        name=preset.name,
        icon=preset.icon or preset.name[:1].upper(),
        description=preset.description,
        by=preset.owner.username if preset.owner is not None and not is_own else "",
        is_own=is_own,
        is_shared=preset.shared,
        is_default=key == user.default_preset,
    )


# --- One of them -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def preset(request: HttpRequest, preset_id: UUID) -> HttpResponseBase:
    """One's own is a form; one of the site's or of another person's is a page to read."""
    user = owner(request)
    if request.method == "POST":
        try:
            return _edit(request, user, access.get_own_preset(user, preset_id))
        except Http404:
            return _gone(request, user)
    found = access.get_preset(user, preset_id)
    if found.owner_id == user.pk:
        return _form_page(request, _form(user, found), found)
    context = {
        "card": _card(found, user),
        "preset": found,
        "variables": variables_in(found.instruction),
        "turns": found.few_shot_turns,
        "parameters": _parameters(found),
        "may_see_versions": found.owner_id is None
        and user.has_perm("conversations.change_rolepreset"),
    }
    return render(request, "conversations/preset.html", context)


def _parameters(preset: RolePreset) -> list[tuple[str, Any]]:
    """Those that are set, with their labels."""
    values = {"model": preset.model} if preset.model else {}
    return [
        (capfirst(str(column_of(name).verbose_name)), value)
        for name, value in (values | preset.parameters()).items()
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest) -> HttpResponseBase:
    user = owner(request)
    if request.method == "POST":
        return _edit(request, user, _preset_of_form(request, user))
    preset = presets.new_preset(user, language())
    return _form_page(request, _form(user, preset), preset)


def _preset_of_form(request: HttpRequest, user: User) -> RolePreset:
    """What this form has made already is changed by it: a double click makes one, and so does going back to it."""
    made = presets.new_preset(user, language())
    form_id = uuid_or_none(request.POST.get("form_id", ""))
    if form_id is None:
        return made
    made.pk = uuid5(form_id, str(user.pk))
    try:
        return access.get_own_preset(user, made.pk)
    except Http404:
        return made


def _form(user: User, preset: RolePreset, data: Any = None, typed: Any = None) -> PresetForm:
    models = catalogue.offered(quotas.limits_of(user))
    return PresetForm(data, models=models, instance=preset, initial=typed)


def _edit(request: HttpRequest, user: User, preset: RolePreset) -> HttpResponse:
    is_new, was_shared = preset._state.adding, preset.shared
    if "add-turn" in request.POST:
        typed = _form(user, preset, typed=request.POST.dict())
        typed.turns.forms[-1].fields["question"].widget.attrs["autofocus"] = True
        return _form_page(request, typed, preset, focus_turn=True)
    form = _form(user, preset, request.POST)
    if not form.is_valid():
        form.focus_first_error()
        return _form_page(request, form, preset, status=400)
    try:
        with writing():
            written = form.as_written()
            presets.save_preset(written)
            if written.shared and not was_shared:
                audit.record(Action.SHARED, request=request, subject=user, target=written.name)
    except NotPossible as refusal:
        form.add_error(None, str(refusal.message))
        return _form_page(request, form, preset, status=refusal.status)
    messages.success(
        request,
        _("The role preset has been made.") if is_new else _("The role preset has been saved."),
    )
    return see_other(reverse("conversations:preset", args=[preset.pk]))


def _gone(request: HttpRequest, user: User) -> HttpResponse:
    """What was written, to be saved as a new one."""
    preset = presets.new_preset(user, language())
    typed = _form(user, preset, typed=request.POST.dict())
    return _form_page(request, typed, preset, status=404)


def _form_page(
    request: HttpRequest,
    form: PresetForm,
    preset: RolePreset,
    *,
    status: int = 200,
    focus_turn: bool = False,
) -> HttpResponse:
    context = {
        "form": form,
        "groups": form.groups(),
        "preset": preset,
        "is_new": preset._state.adding,
        "form_id": uuid_or_none(request.POST.get("form_id", "")) or uuid4(),
        "key": preset_choices.preset_key(preset),
        "focus_turn": focus_turn,
        "is_gone": status == 404,
    }
    return render(request, "conversations/preset_form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def delete(request: HttpRequest, preset_id: UUID) -> HttpResponseBase:
    """GET asks, POST does."""
    user = owner(request)
    preset = access.get_own_preset(user, preset_id)
    if request.method != "POST":
        return render(request, "conversations/preset_delete.html", {"preset": preset})
    presets.delete_preset(preset)
    messages.success(request, _("The role preset has been deleted."))
    return see_other(reverse("conversations:presets"))


@require_POST
@signed_in
@refusals
def duplicate(request: HttpRequest, preset_id: UUID) -> HttpResponseBase:
    """A copy to change as one likes."""
    user = owner(request)
    copy = presets.duplicate_preset(user, access.get_preset(user, preset_id), language())
    messages.success(request, _("This copy is yours: change it as you like."))
    return see_other(reverse("conversations:preset", args=[copy.pk]))
