"""Titles as names of files that every system takes (pure)."""

from __future__ import annotations

import unicodedata

LONGEST = 60  # characters
MOST_BYTES = 150  # of UTF-8: no system's limit is reached with what is added before and after
NOT_IN_NAMES = set('/\\:*?"<>|')


def file_name(number: int, title: str, ending: str) -> str:
    """The number makes it unique and keeps the order; what remains of the title makes it readable."""
    words = _readable(title)
    return f"{number:05} {words}.{ending}" if words else f"{number:05}.{ending}"


def _readable(title: str) -> str:
    """Without marks that mean something to a file system, nor what cannot be seen, as a change of direction."""
    shown = "".join(_shown(character) for character in unicodedata.normalize("NFC", title))
    words = " ".join(shown.split())[:LONGEST]
    while len(words.encode()) > MOST_BYTES:
        words = words[:-1]
    return words.strip(" .")


def _shown(character: str) -> str:
    if character in NOT_IN_NAMES or character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character
