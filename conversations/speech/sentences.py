"""Where sentences end, in English, Chinese and what is written like them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..rendering.incremental import words

MOST = 300  # code points of one sentence: a longer one is cut at a comma
LEAST = 80  # of what such a cut leaves before it

# Quotation marks and brackets that close after the end belong to it.
END = re.compile(
    r"(?P<wide>[!?…]*[。！？][。！？!?…]*[”’」』）】》\"')]*)"
    r"|(?P<narrow>[.!?…]+[\"'”’)\]»]*)(?=[*_`~]*\s)"
    r"|[!?]+(?=[\u3400-\u9fff])"
)
_WORD = re.compile(r"[\w.]+$")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_ABBREVIATIONS = words(
    "al approx ca cf ch col dr ed eds eq esp est fig figs gen hon inc jr lt ltd mr mrs ms mt no nos nr op pp"
    " prof rev resp sgt sr st vol vs viz"
)
_COMMA = re.compile(r"[,;:，；：、](?!\d)|\s[–—-]\s|——")


def is_end(text: str, found: re.Match[str], following: str, *, start: int) -> bool:
    """Whether that match of END ends the sentence that begins at `start`.

    following: the first character after it and white space.
    """
    mark = found[0]
    if found["narrow"] is None or mark[0] not in ".…":
        return not (following.islower() and mark[-1] not in "!?。！？")  # “Stop!” she said
    if following.islower():
        return False
    if mark[0] == "…" or mark.startswith(".."):
        return True
    word = _WORD.search(text, max(start, found.start() - 30), found.start())
    if word is None:
        return True
    before = word[0]
    if before.isdigit():  # the number of an item
        return bool(text[start : word.start()].strip())
    is_initial = len(before) == 1 and before.isupper() and before != "I"
    return not (is_initial or before.lower() in _ABBREVIATIONS or _LETTERS.fullmatch(before))


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a paragraph, in order and stripped, none longer than MOST; joined they are all of it."""
    start = 0
    for found in END.finditer(text):
        following = text[found.end() : found.end() + 50].lstrip()[:1]
        if is_end(text, found, following, start=start):
            yield from _bounded(text[start : found.end()].strip())
            start = found.end()
    yield from _bounded(text[start:].strip())


def _bounded(sentence: str) -> Iterator[str]:
    while len(sentence) > MOST:
        cut = _cut(sentence)
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence


def _cut(sentence: str) -> int:
    """After the last comma that leaves enough, else after the last word, else anywhere."""
    commas = [found.end() for found in _COMMA.finditer(sentence, LEAST, MOST)]
    if commas:
        return commas[-1]
    space = sentence.rfind(" ", LEAST, MOST)
    return space + 1 if space > 0 else MOST
