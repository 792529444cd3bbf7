"""What the next message may go to: models and role presets as pickers show them, and what a new chat greets with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import User

from .. import catalogue, comparing, preset_choices
from ..models import ChatModel, Conversation, RolePreset
from ..speech import choice
from .drawer import drawer_of, variables_of

EXAMPLES = 4


@dataclass(frozen=True)
class ModelChoice:
    """One model in a picker; `name` is what a request names it by."""

    name: str
    label: str
    note: str
    is_current: bool
    is_default: bool
    is_compared: bool = False


@dataclass(frozen=True)
class PresetChoice:
    """One role preset in a picker; `key` is what a request names it by."""

    key: str
    name: str
    icon: str
    description: str
    is_current: bool


def picker_context(
    user: User,
    shown: Conversation | None,
    limits: quotas.Limits,
    chosen: Mapping[str, Any],
    *,
    language: str,
    errors: Mapping[str, str],
) -> dict[str, Any]:
    """Models, presets, greeting, example prompts, parameters and variables; whether the site knows what is said.

    chosen: what an address (/?preset=translator) or a refused form says. errors: sentences by parameter.
    """
    presets = preset_choices.presets_for(user, language)
    preset = shown.preset if shown else _wanted_preset(user, chosen, language)
    if preset is not None and preset not in presets:
        presets.append(preset)  # on offer or not, a conversation may keep it
    offered = catalogue.offered(limits, service=None)
    models = [model for model in offered if model.service == catalogue.CHAT]
    current = _current_model(models, user, shown, preset, chosen.get("model", ""))
    compared = _several(chosen, "compare")
    return {
        "models": [
            model_choice(model, is_current=model is current, is_compared=model.name in compared)
            for model in models
        ],
        "dictation": "site" if choice.transcriber_among(offered, language) else "",
        "models_are_coming": not models and catalogue.are_models_coming(),
        "most_compared": _most_compared(models, limits),
        "current_model": model_choice(current, is_current=True) if current else None,
        "presets": [preset_choice(one, is_current=one == preset) for one in presets],
        "drawer": current and drawer_of(current, preset, shown, chosen, errors),
        "variables": variables_of(preset, shown, chosen),
        "current_preset": preset_choice(preset, is_current=True) if preset else None,
        "greeting": preset.greeting if preset and preset.greeting else _("What can I help with?"),
        "example_prompts": preset.example_prompts[:EXAMPLES] if preset else general_examples(),
    }


def _wanted_preset(user: User, chosen: Mapping[str, Any], language: str) -> RolePreset | None:
    """What is chosen, else the user's default. One query if there is one."""
    key = str(chosen.get("preset", user.default_preset))
    return preset_choices.find_preset(user, key, language) if key else None


def _several(chosen: Mapping[str, Any], name: str) -> list[Any]:
    """What was given for a field that may be repeated, whatever it is."""
    if isinstance(chosen, QueryDict):
        return list(chosen.getlist(name))
    value = chosen.get(name)
    return value if isinstance(value, list) else [value]


def _most_compared(models: list[ChatModel], limits: quotas.Limits) -> int:
    """How many may answer the next message at once; 0 if that is no more than one."""
    most = min(len(models), comparing.MOST_MODELS)
    if limits.concurrent_completions is not None:
        most = min(most, limits.concurrent_completions)
    return most if most > 1 else 0


def model_choice(model: ChatModel, *, is_current: bool, is_compared: bool = False) -> ModelChoice:
    note = _(model.note) if model.note else ""
    return ModelChoice(model.name, str(model), note, is_current, model.is_default, is_compared)


def preset_choice(preset: RolePreset, *, is_current: bool) -> PresetChoice:
    return PresetChoice(
        preset_choices.preset_key(preset), preset.name, preset.icon, preset.description, is_current
    )


def general_examples() -> list[str]:
    return [
        _("Explain how rainbows form, as if to a curious ten-year-old."),
        _("Draft a friendly e-mail that moves a meeting to next week."),
        _("Plan three simple dinners with rice and vegetables."),
        _("Write a Python function that finds duplicate files."),
    ]


def _current_model(
    models: list[ChatModel],
    user: User,
    shown: Conversation | None,
    preset: RolePreset | None,
    name: str,
) -> ChatModel | None:
    """The one the next message would go to: what the conversation, the preset, the user and the site prefer."""
    for fits in (
        [model for model in models if model.name == name],
        [model for model in models if shown is not None and model.pk == shown.model_id],
        [model for model in models if preset is not None and model.pk == preset.model_id],
        [model for model in models if model.name == user.default_model],
        models,
    ):
        if fits:
            return fits[0]
    return None
