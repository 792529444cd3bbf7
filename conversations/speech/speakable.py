"""An answer's Markdown as sentences to be spoken, in English and Chinese, also while it grows. Pure.

`pieces.py` says where it may be cut, `hearing.py` how a piece sounds, `sentences.py` where sentences end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from textwrap import dedent

from django.utils import translation

from ..rendering.script import HAN, LOOKED_AT, plain_language
from .hearing import Block, code_heard, ended, heard
from .pieces import Piece, pieces_of
from .sentences import sentences_of

CHINESE = "zh-hans"
MOST_PARTS = 2_000  # some hours
MOST_READ = (
    200_000  # code points: as much, and where nothing in them can be said, a second or two of work
)
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_HEARD = re.compile(r"\w")
# Formulas, code and addresses are in no language.
_UNTOLD = re.compile(r"\$+[^$]*\$+|\\\(.*?\\\)|\\\[.*?\\\]|`[^`]*`|https?://\S+", re.DOTALL)
ENOUGH = 10  # Latin letters that make a sentence one of another language than the Chinese around it
_MATH = frozenset(("math", "latex", "tex", "katex"))


@dataclass(frozen=True)
class Part:
    """One sentence. language: of its words, as browsers and `choice.py` call it."""

    text: str
    language: str


@lru_cache(maxsize=32)
def speakable(text: str, *, complete: bool, language: str) -> tuple[Part, ...]:
    """The sentences of an answer, in order; of one that may still grow, those that no more text can change.

    language: of the page, for a text whose script does not tell; the site's own words are said in the text's.
    The parts of a growing text are the first ones of the whole.
    Nothing is read beyond MOST_READ.
    """
    if len(text) > MOST_READ:
        text, complete = text[:MOST_READ], True
    return tuple(islice(_parts(text, complete=complete, language=language), MOST_PARTS))


def _parts(text: str, *, complete: bool, language: str) -> Iterator[Part]:
    said = ""
    for piece in islice(pieces_of(text, complete=complete), 2 * MOST_PARTS):
        source = text[piece.start : piece.end]
        if len(said) < LOOKED_AT and piece.kind not in ("fence", "code"):
            said += _UNTOLD.sub(" ", source)
        around = language_of(said, fallback=language)
        with translation.override(around if around == CHINESE else "en"):
            blocks = _blocks(source, piece)
        for place, block in enumerate(blocks, start=1):
            goes_on = piece.goes_on and place == len(blocks)
            for sentence in _sentences(block, goes_on=goes_on):
                yield Part(sentence, _language_in(sentence, around))


def _blocks(source: str, piece: Piece) -> list[Block]:
    if piece.kind == "fence":
        return _of_fence(source, goes_on=piece.goes_on)
    if piece.kind in ("table", "code") and piece.is_rest:
        return []
    if piece.kind == "text":
        source = source.strip() if piece.is_rest else dedent(source.strip("\n"))
    elif piece.is_rest:
        source = dedent(source)
    return heard(source, number=piece.number, goes_on=piece.goes_on)


def _of_fence(source: str, *, goes_on: bool) -> list[Block]:
    first = source.lstrip("\r\n").partition("\n")[0].strip(" \t\r`~")
    language = first.split(" ")[0]
    if language.lower() not in _MATH:
        return [code_heard(language)]
    return [] if goes_on else heard(source)


def _sentences(block: Block, *, goes_on: bool) -> Iterator[str]:
    lead = f"{block.lead} " if block.lead else ""
    for sentence in sentences_of(block.text if goes_on else ended(block.text)):
        if _HEARD.search(sentence):
            yield lead + sentence
            lead = ""


def language_of(text: str, *, fallback: str) -> str:
    """`zh-hans`, `ja` or `ko` where the script tells; else that of the page, unless the text cannot be in it."""
    text = text[:LOOKED_AT]
    if plain_language(text) == "zh":
        return CHINESE
    if len(_KANA.findall(text)) > 3:
        return "ja"
    if len(_HANGUL.findall(text)) > 3:
        return "ko"
    if fallback.startswith("zh") and len(_LATIN.findall(text)) > 3 * len(HAN.findall(text)):
        return "en"
    return fallback


def _language_in(sentence: str, around: str) -> str:
    """A sentence of another script than the text around it is read by a voice that can."""
    ideographs, letters = len(HAN.findall(sentence)), len(_LATIN.findall(sentence))
    if around in (CHINESE, "en") and ideographs and 2 * ideographs > letters:
        return CHINESE
    if around == CHINESE and not ideographs and letters >= ENOUGH:
        return "en"
    return around
