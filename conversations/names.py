"""Names that people give, as they can stand beside others. Pure."""

from __future__ import annotations

import unicodedata


def one_line(name: str) -> str:
    """On one line, without characters that are not seen: they could turn the text around it."""
    return "".join(
        char
        for char in unicodedata.normalize("NFC", " ".join(name.split()))
        if unicodedata.category(char) not in {"Cc", "Cf"} or char in "\u200c\u200d"
    ).strip(" \u200c\u200d")
