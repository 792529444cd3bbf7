"""From the bytes of a CSV file to its rows, one after the other. Knows nothing of the site."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

REQUIRED = ("username", "password")
OPTIONAL = ("email", "plan", "group", "language", "is_active")
IGNORED = ("id",)  # the original's header is `id,username,password`
SPREADSHEET = b"PK\x03\x04"  # how .xlsx and .ods begin
AT_ONCE = 500  # rows that are looked up or written by one query


class UnusableFile(Exception):
    """The file as a whole cannot be read. The text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line by column. number: as a spreadsheet counts, the header being 1."""

    number: int
    cells: dict[str, str]

    def cell(self, name: str) -> str:
        return (self.cells.get(name) or "").strip()


def read_rows(content: bytes) -> Iterator[Row]:
    """The rows of a CSV file in UTF-8, with or without a mark, or in GB18030. Raises UnusableFile on the way."""
    if not content.strip(b"\xef\xbb\xbf\r\n\t ,;"):
        raise UnusableFile(_("The file is empty. Its first line has to be username,password."))
    text = io.TextIOWrapper(io.BytesIO(content), encoding=_encoding(content), newline="")
    lines = csv.reader(text, strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _check_header(header)
        for number, values in enumerate(lines, start=2):
            if any(value.strip() for value in values):
                yield Row(number, _cells(header, values))
    except csv.Error as error:
        raise UnusableFile(_("This is not a CSV file: %(why)s.") % {"why": error}) from error


def _encoding(content: bytes) -> str:
    if content.startswith(SPREADSHEET):
        raise UnusableFile(_("This is a spreadsheet. Save its table as CSV, in UTF-8."))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise UnusableFile(_("The text is neither UTF-8 nor GB18030. Save the file as UTF-8."))


def _check_header(header: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in header]:
        _check_separator(",".join(header))
        names = _(" and ").join(missing)
        raise UnusableFile(_("The first line has no column %(names)s.") % {"names": names})
    if unknown := [name for name in header if name not in (*REQUIRED, *OPTIONAL, *IGNORED)]:
        raise UnusableFile(
            _("The column %(name)r is not known. Known are %(known)s.")
            % {"name": unknown[0], "known": ", ".join((*REQUIRED, *OPTIONAL))}
        )
    if len(set(header)) < len(header):
        raise UnusableFile(_("The first line names a column twice."))


def _check_separator(line: str) -> None:
    """Of a first line that names too little."""
    if ";" in line:
        raise UnusableFile(
            _("Semicolons separate the columns. Save the file again, with commas between them.")
        )
    if "\t" in line:
        raise UnusableFile(
            _("Tabs separate the columns. Save the file again, with commas between them.")
        )


def _cells(header: list[str], values: list[str]) -> dict[str, str]:
    """By column; what is beyond the header is kept under an empty name, to be refused with the row's number."""
    cells = dict(zip(header, values, strict=False))
    if any(value.strip() for value in values[len(header) :]):
        cells[""] = "more"
    return cells
