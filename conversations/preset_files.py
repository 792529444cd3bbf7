"""Role presets as files: JSON with everything in it, and the common CSV of prompts (`act`, `prompt`). No database.

The JSON is `{"format": "chatsite-role-presets", "version": 1, "presets": […]}`, each preset with the fields of
`preset_content.FIELDS`; those that may be empty may be left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chatsite.csv_files import as_written, csv_lines

from .preset_content import read_content

FORMAT = "chatsite-role-presets"
VERSION = 1
COLUMNS = ("act", "prompt")
COLUMN_OF = {"name": "act", "description": "act", "instruction": "prompt"}
MOST_BYTES = 1024 * 1024
MOST_ROWS = 500
LONGEST_NAME = 60


class UnusableFile(Exception):
    """The file as a whole cannot be read. The text says why."""


@dataclass(frozen=True)
class Problem:
    """row: of a CSV file as a spreadsheet counts, the header being 1; of JSON the number of the preset, from 1."""

    row: int
    why: str


@dataclass
class Found:
    """The contents of a file in its order, or what is wrong with it; nothing is to be used if anything is."""

    contents: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def as_json(contents: Iterable[dict[str, Any]]) -> str:
    document = {"format": FORMAT, "version": VERSION, "presets": list(contents)}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def as_csv(contents: Iterable[dict[str, Any]]) -> str:
    """Names and instructions."""
    rows = ((content["name"], content["instruction"]) for content in contents)
    return "".join(csv_lines([COLUMNS, *rows]))


def read_file(raw: bytes) -> Found:
    """Of either kind, which its first character tells. Raises UnusableFile."""
    if len(raw) > MOST_BYTES:
        raise UnusableFile(_("The file is too large: at most 1 MB."))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableFile(_("The file is not UTF-8. Save it as UTF-8.")) from None
    if not text.strip():
        raise UnusableFile(_("The file is empty."))
    is_json = text.lstrip()[0] in "{["
    rows = _json_rows(text) if is_json else _csv_rows(text)
    if len(rows) > MOST_ROWS:
        raise UnusableFile(
            _("The file has more than %(limit)s role presets.") % {"limit": MOST_ROWS}
        )
    found = Found()
    for number, value in rows:
        try:
            found.contents.append(read_content(value, named=None if is_json else COLUMN_OF))
        except ValidationError as error:
            found.problems += [Problem(number, message) for message in error.messages]
    return found


def _json_rows(text: str) -> Sequence[tuple[int, object]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UnusableFile(_("The file is not valid JSON.")) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UnusableFile(_("This is not a file of role presets."))
    if document.get("version") != VERSION:
        raise UnusableFile(_("The file is of a version that this site does not know."))
    presets = document.get("presets")
    if not isinstance(presets, list):
        raise UnusableFile(_("This is not a file of role presets."))
    return list(enumerate(presets, start=1))


def _csv_rows(text: str) -> Sequence[tuple[int, object]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if not set(COLUMNS) <= set(header):
            raise UnusableFile(_("The first line has to name the columns act and prompt."))
        act, prompt = (header.index(name) for name in COLUMNS)
        numbered = enumerate(lines, start=2)
        filled = (row for row in numbered if any(value.strip() for value in row[1]))
        return [
            (number, _content_of_row(values, act, prompt))
            for number, values in islice(filled, MOST_ROWS + 1)
        ]
    except csv.Error:
        raise UnusableFile(
            _("This is not a CSV file: line %(line)s.") % {"line": lines.line_num}
        ) from None


def _content_of_row(values: Sequence[str], act: int, prompt: int) -> dict[str, str]:
    """A long `act` is kept whole as the description."""
    first, second = (
        as_written(values[column]) if column < len(values) else "" for column in (act, prompt)
    )
    name = " ".join(first.split())
    content = {"name": name, "instruction": second}
    if len(name) > LONGEST_NAME:
        content |= {"name": f"{name[: LONGEST_NAME - 1]}…", "description": name}
    return content
