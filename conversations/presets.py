"""What people do with role presets: make, change, duplicate, delete.

Every save that changes something leaves a version. Site presets are saved here too, by the admin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum, TextField
from django.db.models.functions import Cast, Length
from django.http import Http404
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import quotas
from accounts.models import User

from . import catalogue
from .errors import NotPossible
from .models import ChatModel, Conversation, PresetVersion, RolePreset
from .preset_choices import LONG_TEXTS, one_of_each, visible_presets
from .preset_content import content_of, put_content
from .writing import lock, one_at_a_time, writing

MOST_OWN = 500  # of one person
MOST_TEXT = 10_000_000  # characters in all of one person's, as they are stored: an export holds them all at once
MOST_VERSIONS = 100  # of one preset; the oldest make room

# --- Questions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gallery:
    """What a person may use, in three groups."""

    own: list[RolePreset]
    site: list[RolePreset]
    others: list[RolePreset]


def gallery(user: User, language: str, *, search: str = "") -> Gallery:
    """Those in whose name or description every word of the search occurs. One query.

    Filtered here and not by the database, of which not every one ignores case beyond ASCII.
    """
    rows = visible_presets(user).select_related("owner").defer(*LONG_TEXTS)
    words = search.casefold().split()
    found = [
        preset
        for preset in one_of_each(rows, user, language)
        if all(word in f"{preset.name} {preset.description}".casefold() for word in words)
    ]
    return Gallery(
        own=[preset for preset in found if preset.owner_id == user.pk],
        site=[preset for preset in found if preset.owner_id is None],
        others=[preset for preset in found if preset.owner_id not in {None, user.pk}],
    )


def own_presets(user: User) -> list[RolePreset]:
    """With their models. One query."""
    return list(RolePreset.objects.filter(owner=user).select_related("model").order_by("name"))


def count_own(user: User) -> int:
    return RolePreset.objects.filter(owner=user).count()


# --- Verbs -----------------------------------------------------------------------------------------------------------


def new_preset(user: User, language: str) -> RolePreset:
    """An empty one, not saved."""
    return RolePreset(owner=user, language=language)


def save_preset(preset: RolePreset) -> None:
    """Insert or update it, with a version if what people write has changed.

    Raises NotPossible if there are too many, Http404 if it has been deleted meanwhile.
    Who uses a preset of another person that is no longer shared goes on with a copy: later changes are not for them.
    """
    with writing():
        is_new = preset._state.adding
        if is_new and preset.owner is not None:
            one_at_a_time(preset.owner)
        before = RolePreset.objects.select_for_update().filter(pk=preset.pk).first()
        if before is None:
            if not is_new:
                raise Http404
            if preset.owner is not None:
                _check_number(preset.owner, 1)
        elif is_new:
            preset._state.adding = False  # the same form, sent twice at one moment
        elif not before.versions.exists():
            _add_version(before)  # from before versions were kept
        if not preset.slug:
            preset.slug = slugify(preset.name)[:60] or "preset"
        preset.save()
        if preset.owner is not None:
            _check_text(preset.owner)
        _add_version(preset)
        if before is not None and before.shared and not preset.shared:
            _leave_copies(before)


def duplicate_preset(user: User, preset: RolePreset, language: str) -> RolePreset:
    """A copy that is the user's own and not shared. Raises NotPossible."""
    copy = new_preset(user, language)
    put_content(copy, content_of(preset), _models([preset]))
    name = _("%(name)s (copy)") % {"name": preset.name}
    copy.name = name if len(name) <= 60 else preset.name
    save_preset(copy)
    return copy


def delete_preset(preset: RolePreset) -> None:
    """The owner's conversations go on without a role, those of others with a copy."""
    with transaction.atomic():
        lock(preset)
        _leave_copies(preset)
        preset.delete()


def restore_version(preset: RolePreset, version: PresetVersion) -> None:
    """Let it say what it said then; that is a new version. A model that is gone leaves the choice to the user."""
    names = [version.content.get("model") or ""]
    models = ChatModel.objects.filter(name__in=names).order_by("-enabled")[:1]
    put_content(preset, version.content, {model.name: model for model in models})
    save_preset(preset)


def import_presets(user: User, contents: Iterable[dict[str, Any]], language: str) -> int:
    """Make those that the user does not have yet, exactly so; all or none. Returns how many. Raises NotPossible.

    A model that is not on offer here leaves the choice to the user. A constant number of queries.
    """
    models = {model.name: model for model in catalogue.offered(quotas.limits_of(user))}
    with writing():
        one_at_a_time(user)
        known = {_fingerprint(preset) for preset in own_presets(user)}
        rows = []
        for content in contents:
            row = new_preset(user, language)
            put_content(row, content, models)
            if (mark := _fingerprint(row)) not in known:
                known.add(mark)
                rows.append(row)
        _check_number(user, len(rows))
        for row in rows:
            row.slug = slugify(row.name)[:60] or "preset"
        RolePreset.objects.bulk_create(rows)
        _check_text(user)
        PresetVersion.objects.bulk_create(
            PresetVersion(preset=row, number=1, content=content_of(row)) for row in rows
        )
    return len(rows)


def _fingerprint(preset: RolePreset) -> str:
    return json.dumps(content_of(preset), sort_keys=True)


def _check_text(user: User) -> None:
    """Of what has just been written, which a refusal takes back."""
    texts = Length("instruction") + Length(Cast("few_shot_turns", TextField()))
    total = RolePreset.objects.filter(owner=user).aggregate(total=Sum(texts))["total"] or 0
    if total > MOST_TEXT:
        raise NotPossible(
            _("Your role presets are too long together. Shorten or delete some first.")
        )


def _check_number(user: User, count: int) -> None:
    if count_own(user) + count > MOST_OWN:
        raise NotPossible(
            _("You can keep at most %(limit)s role presets. Delete some first.")
            % {"limit": MOST_OWN}
        )


def _add_version(preset: RolePreset) -> None:
    """Unless the newest one says the same."""
    newest = preset.versions.first()
    content = content_of(preset)
    if newest is not None and newest.content == content:
        return
    number = newest.number + 1 if newest is not None else 1
    PresetVersion.objects.create(preset=preset, number=number, content=content)
    preset.versions.filter(number__lte=number - MOST_VERSIONS).delete()


def leave_copies_of(user: User) -> None:
    """Before this person's account is deleted, and their presets with it."""
    own = RolePreset.objects.filter(owner=user)
    list(own.select_for_update().order_by("pk").values_list("pk"))
    by_others = Conversation.objects.filter(preset=OuterRef("pk")).exclude(owner=user)
    for preset in own.filter(Exists(by_others)):
        _leave_copies(preset)


def _leave_copies(preset: RolePreset) -> None:
    """Give each other person who has conversations with this preset a copy as it was, and them the copy."""
    theirs = Conversation.objects.filter(preset=preset).exclude(owner=preset.owner)
    content: dict[str, Any] = content_of(preset)
    copies = []
    for owner_id in theirs.order_by("owner").values_list("owner", flat=True).distinct():
        copy = RolePreset(owner_id=owner_id, slug=preset.slug, language=preset.language)
        put_content(copy, content, _models([preset]))
        copies.append(copy)
    RolePreset.objects.bulk_create(copies)
    for copy in copies:
        theirs.filter(owner=copy.owner_id).update(preset=copy)


def _models(presets: Iterable[RolePreset]) -> dict[str, ChatModel]:
    return {preset.model.name: preset.model for preset in presets if preset.model is not None}
