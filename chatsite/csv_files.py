"""CSV for people who open it in a spreadsheet: a cell is text and never a formula, whoever wrote it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for something else
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # also full width


def csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Line by line, for a streamed response."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def cell(value: Any) -> Any:
    """Numbers stay numbers, times are ISO 8601; a text that a spreadsheet would compute begins with an apostrophe."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and _is_formula(value):
        return f"'{value}"
    return "" if value is None else value


def as_written(text: str) -> str:
    """What a cell stands for that may have been given an apostrophe."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Or would be one without its apostrophes, of which one more is then taken off again."""
    return text.lstrip("'").startswith(FORMULA)


class _Echo:
    def write(self, line: str) -> str:
        return line
