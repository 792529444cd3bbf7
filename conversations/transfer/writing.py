"""What a person wrote beside messages, as files: role presets with all versions, instructions, folders and tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from accounts.models import User

from .. import preset_files, presets
from ..models import Folder, InstructionVersion, RolePreset, Tag
from ..preset_content import content_of
from .documents import written
from .reading import rows_of

PRESET = ("id", "name", "language", "shared", "updated_at")
VERSION = ("number", "created_at", "content")
TEXTS_AT_ONCE = 20  # each may have a hundred kilobytes


def labels(user: User) -> Iterator[str]:
    names = {
        "folders": list(Folder.objects.filter(owner=user).values_list("name", flat=True)),
        "tags": list(Tag.objects.filter(owner=user).values_list("name", flat=True)),
    }
    yield written(names, indent=2) + "\n"


def preset_documents(user: User) -> Iterator[str]:
    """As many files as it takes for each to be one that can be imported."""
    contents: list[dict[str, Any]] = []
    size = 0
    for preset in presets.own_presets(user):
        content = content_of(preset)
        length = len(preset_files.as_json([content]).encode())
        if contents and (
            size + length > preset_files.MOST_BYTES or len(contents) == preset_files.MOST_ROWS
        ):
            yield preset_files.as_json(contents)
            contents, size = [], 0
        contents.append(content)
        size += length
    yield preset_files.as_json(contents)


def preset_versions(user: User) -> Iterator[str]:
    """What each role preset said at each time, the first version first."""
    mine = RolePreset.objects.filter(owner=user).order_by("name", "pk")
    yield from _listed(_preset_versions(preset) for preset in rows_of(mine, at_once=TEXTS_AT_ONCE))


def _preset_versions(preset: RolePreset) -> Iterator[str]:
    about = {name: getattr(preset, name) for name in PRESET}
    yield written(about).removesuffix("}") + ', "versions": '
    versions = rows_of(preset.versions.order_by("number"), at_once=TEXTS_AT_ONCE)
    yield from _listed([_fields(version, VERSION)] for version in versions)
    yield "}"


def instructions(user: User) -> Iterator[str]:
    """Every instruction that was ever sent for this person, which answers name by its number."""
    mine = rows_of(InstructionVersion.objects.filter(owner=user), at_once=TEXTS_AT_ONCE)
    yield from _listed([_fields(version, ("id", "created_at", "text"))] for version in mine)


def _fields(row: object, names: Iterable[str]) -> str:
    return written({name: getattr(row, name) for name in names})


def _listed(values: Iterable[Iterable[str]]) -> Iterator[str]:
    """Values that come in pieces, as one JSON list that comes in pieces."""
    before = "[\n"
    for value in values:
        yield before
        yield from value
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"
