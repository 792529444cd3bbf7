"""In which language a text plainly is, by its script alone (pure). Screen readers choose a voice by it, browsers the
shape of ideographs, which Chinese and Japanese share."""

from __future__ import annotations

import re

LOOKED_AT = 2_000  # code points: a text shows its script early
ENOUGH = 4

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
# Kana, Hangul: not Chinese, whatever stands beside.
OTHER = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
LETTER = re.compile(r"[^\W\d_]")


def plain_language(text: str) -> str:
    """`zh` for a text that is mostly ideographs, without kana or Hangul; empty where the script does not tell."""
    text = text[:LOOKED_AT]
    if text.isascii():
        return ""
    ideographs = len(HAN.findall(text))
    mostly = ideographs >= ENOUGH and 2 * ideographs > len(LETTER.findall(text))
    return "zh" if mostly and not OTHER.search(text) else ""
