"""The role presets that a person may choose, and the key by which a request names one."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User

from .errors import InvalidParameter
from .models import RolePreset

SHARED_IN_PICKERS = 50  # of other people's; the gallery lists them all
LONG_TEXTS = ("instruction", "few_shot_turns", "example_prompts", "greeting")


def visible_presets(user: User) -> QuerySet[RolePreset]:
    """Site presets, the user's own, and those that other people share, as far as they are enabled."""
    shared = Q(shared=True, owner__is_active=True)
    return RolePreset.objects.filter(Q(owner=None) | Q(owner=user) | shared, enabled=True)


def presets_for(user: User, language: str) -> list[RolePreset]:
    """What pickers offer: site presets in this language or English, the user's own, some of others'. One query.

    Without their long texts: those of strangers, too, would be read for every page.
    """
    others = RolePreset.objects.filter(shared=True, owner__is_active=True, enabled=True)
    some = others.exclude(owner=user).order_by("position", "name")[:SHARED_IN_PICKERS]
    site = Q(owner=None, language__in={language, "en"})
    rows = RolePreset.objects.filter(site | Q(owner=user) | Q(pk__in=some), enabled=True)
    return one_of_each(rows.defer(*LONG_TEXTS), user, language)


def one_of_each(rows: Iterable[RolePreset], user: User, language: str) -> list[RolePreset]:
    """Of a site preset the row in the language, else in English; then the user's own; then those of others."""
    best: dict[str, RolePreset] = {}
    own: list[RolePreset] = []
    others: list[RolePreset] = []
    for preset in rows:
        if preset.owner_id is not None:
            (own if preset.owner_id == user.pk else others).append(preset)
        elif preset.language == language or (preset.language == "en" and preset.slug not in best):
            best[preset.slug] = preset
    site = sorted(best.values(), key=lambda preset: (preset.position, preset.name))
    return [*site, *own, *others]


def find_preset(user: User, key: str, language: str) -> RolePreset | None:
    """By slug (of a site preset) or id (of one's own, or of one that is shared). One query."""
    rows = visible_presets(user).select_related("model", "owner")
    try:
        return rows.filter(pk=UUID(key)).first()
    except ValueError:
        if "\x00" in key:
            return None  # PostgreSQL refuses to look for it
        found = list(rows.filter(owner=None, slug=key, language__in={language, "en"}))
    return min(found, key=lambda preset: preset.language != language, default=None)


def choose_preset(user: User, key: str, language: str) -> RolePreset | None:
    """As `find_preset`; None for the empty key. Raises InvalidParameter if unknown."""
    if not key:
        return None
    preset = find_preset(user, key, language)
    if preset is None:
        raise InvalidParameter(
            _("There is no such role preset. Choose another one."), field="preset"
        )
    return preset


def choose_preset_again(
    user: User, key: str, language: str, *, current: RolePreset | None
) -> RolePreset | None:
    """As `choose_preset`, but what a conversation has it may keep, on offer or not."""
    if current is not None and key == preset_key(current):
        return current
    return choose_preset(user, key, language)


def preset_key(preset: RolePreset) -> str:
    """How a request names it."""
    return preset.slug if preset.owner_id is None else str(preset.pk)
