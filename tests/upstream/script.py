"""What the endpoint is to do with a request, and how a message or the name of a model says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DIRECTIVE = re.compile(r"\[\[script:\s*([^\]]+)\]\]")


@dataclass(frozen=True)
class Script:
    """What to do with a request: a name of the table in `scripts.py`, texts to send, options.

    With `times=N` it is played for the first N requests with the same last message, and then `answer`. With
    `reason=NAME` an answer finishes with that finish_reason.
    """

    name: str = "answer"
    pieces: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *pieces: str) -> Script:
        name, *options = text.split()
        return cls(name, pieces, dict(option.split("=", 1) for option in options))

    @classmethod
    def asked_for(cls, message: str, model: str) -> Script | None:
        """By `[[script: NAME option=value …]]` in the message, else by a model named `fake/NAME`."""
        if directive := DIRECTIVE.search(message):
            return cls.parse(directive[1])
        return cls.parse(model.removeprefix("fake/")) if model.startswith("fake/") else None


def without_script(message: str) -> str:
    return DIRECTIVE.sub("", message)
