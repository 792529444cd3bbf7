"""The `{{variables}}` of an instruction: their names, what they stand for, the text that is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_VARIABLES = 20  # in one text; what looks like one more is plain text
LONGEST_NAME = 60
LONGEST_VALUE = 4_000

PLACEHOLDER = re.compile(r"\{\{([^{}\r\n]{1,120})\}\}")


def variables_in(text: str) -> list[str]:
    """The names in `{{…}}`, each once, in order of appearance, in any script. `{{ topic }}` is `{{topic}}`."""
    names = dict.fromkeys(match[1].strip() for match in PLACEHOLDER.finditer(text))
    return [name for name in names if name and len(name) <= LONGEST_NAME][:MOST_VARIABLES]


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced, in one pass: a value is never read for variables itself.

    One without a value, or with a blank one, stays as it is written, so that the model sees what is missing.
    """
    used = used_in(text, values)
    return PLACEHOLDER.sub(lambda match: used.get(match[1].strip(), match[0]), text)


def used_in(text: str, values: Mapping[str, str]) -> dict[str, str]:
    """Those of the values that this text asks for, in its order; blank ones are none."""
    return {name: values[name] for name in variables_in(text) if values.get(name, "").strip()}
