"""What can be chosen: models and role presets."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router

from accounts.models import User

from ... import catalogue, preset_choices, presets
from ...models import ChatModel, RolePreset
from ...variables import variables_in
from ...views.replies import language
from .fields import Paging
from .keys import READ, caller
from .lists import Place, page_of
from .replies import parameters_of
from .schemas import ON_LISTS, ON_READING, ModelList, Preset, PresetList

models = Router(tags=["Models"], auth=READ)
role_presets = Router(tags=["Role presets"], auth=READ)


@models.get("", response={200: ModelList, **ON_LISTS}, summary="List models")
def list_models(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The models that your plan offers, the default first."""
    offered = catalogue.offered(caller(request).limits)
    rows, following = page_of(offered, _place_of_model, cursor=paging.cursor, limit=paging.limit)
    return {"items": [_model(row) for row in rows], "next": following}


def _place_of_model(model: ChatModel) -> Place:
    return ("0" if model.is_default else "1", model.endpoint.name, model.name)


def _model(model: ChatModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "label": str(model),
        "note": _(model.note) if model.note else "",
        "default": model.is_default,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "sees_images": model.sees_images,
    }


@role_presets.get("", response={200: PresetList, **ON_LISTS}, summary="List role presets")
def list_presets(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Yours, then the site's in the language of `Accept-Language` or else English, then those that others share."""
    user = caller(request).user
    shown = presets.gallery(user, language())
    places = {
        preset.pk: (str(number), f"{preset.position:010}", preset.name, str(preset.pk))
        for number, group in enumerate((shown.own, shown.site, shown.others))
        for preset in group
    }
    rows, following = page_of(
        [*shown.own, *shown.site, *shown.others],
        lambda preset: places[preset.pk],
        cursor=paging.cursor,
        limit=paging.limit,
    )
    return {"items": [_preset_row(row, user) for row in rows], "next": following}


@role_presets.get("/{key}", response={200: Preset, **ON_READING}, summary="Read a role preset")
def get_preset(request: HttpRequest, key: str) -> dict[str, Any]:
    """By its `key`, or by its id."""
    user = caller(request).user
    preset = preset_choices.find_preset(user, key, language())
    if preset is None:
        raise Http404
    return {
        **_preset_row(preset, user),
        "instruction": preset.instruction,
        "variables": variables_in(preset.instruction),
        "greeting": preset.greeting,
        "example_prompts": preset.example_prompts,
        "few_shot_turns": preset.few_shot_turns,
        "model": preset.model.name if preset.model else None,
        "parameters": parameters_of(preset),
        "updated_at": preset.updated_at,
    }


def _preset_row(preset: RolePreset, user: User) -> dict[str, Any]:
    sources = {None: "site", user.pk: "own"}
    return {
        "key": preset_choices.preset_key(preset),
        "id": preset.pk,
        "source": sources.get(preset.owner_id, "shared"),
        "name": preset.name,
        "icon": preset.icon,
        "description": preset.description,
        "language": preset.language,
    }
