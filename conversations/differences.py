"""What changed between two texts, word by word, in pieces a page can show. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import Match, SequenceMatcher
from itertools import accumulate, groupby

MOST_PARTS = 4_000  # comparing more takes too long: then lines are compared, then nothing
MOST_STEPS = 1_000_000  # of the matcher, half a second: the same when that is too few
CONTEXT = 120  # characters of what stays the same, around what does not
LEAST_ALIKE = 0.35  # with less in common one text has taken the place of the other

# Where words are written without spaces each character is one; elsewhere a word has the space after it.
EACH = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORDS = re.compile(rf"[{EACH}]|\d+\.\d+|[^\W{EACH}]+[^\S\n]*|\n|[^\w\n]")
LINES = re.compile(r"[^\n]*\n|[^\n]+")


class TooMuchWork(Exception):
    """Texts whose parts recur in such an order that matching them takes minutes."""


@dataclass
class Work:
    """How many steps several comparisons may take together."""

    steps: int


class BoundedMatcher(SequenceMatcher[str]):
    """Raises TooMuchWork instead of taking more than MOST_STEPS, or more than is left of the work."""

    def __init__(self, old: Sequence[str], new: Sequence[str], work: Work) -> None:
        super().__init__(None, old, new)
        self.steps, self.work = MOST_STEPS, work
        counts = Counter(new)
        popular = len(new) // 100 + 1 if len(new) >= 200 else len(new)  # what difflib leaves out
        places = (1 + (counts[part] if counts[part] <= popular else 0) for part in old)
        self.before = list(accumulate(places, initial=0))  # steps that the parts before each take

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        steps = self.before[-1 if ahi is None else ahi] - self.before[alo]
        self.steps -= steps
        self.work.steps -= steps
        if min(self.steps, self.work.steps) < 0:
            raise TooMuchWork
        return super().find_longest_match(alo, ahi, blo, bhi)


@dataclass(frozen=True)
class Piece:
    """kind: `same`, `added`, `removed` or `gap` (a stretch of what stays the same, left out)."""

    kind: str
    text: str


def compare(before: str, after: str, *, work: Work | None = None) -> list[Piece]:
    """The way from one text to the other; what is removed comes before what takes its place.

    work: what is left for this comparison and others; when it is used up, texts are not matched.
    """
    work = work or Work(2 * MOST_STEPS)
    for parts in (WORDS, LINES):
        old, new = parts.findall(before), parts.findall(after)
        start = _shared(old, new)
        end = _shared(old[start:][::-1], new[start:][::-1])
        middles = old[start : len(old) - end], new[start : len(new) - end]
        if max(map(len, middles)) > MOST_PARTS:
            continue
        try:
            between = list(_between(*middles, work))
        except TooMuchWork:
            continue
        pieces = [
            Piece("same", "".join(old[:start])),
            *between,
            Piece("same", "".join(old[len(old) - end :])),
        ]
        return _shortened(_joined(pieces))
    return _joined([Piece("removed", before), Piece("added", after)])


def _shared(old: Sequence[str], new: Sequence[str]) -> int:
    """How many parts both begin with."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _between(old: Sequence[str], new: Sequence[str], work: Work) -> Iterator[Piece]:
    matcher = BoundedMatcher(old, new, work)
    if matcher.ratio() < LEAST_ALIKE:
        yield Piece("removed", "".join(old))
        yield Piece("added", "".join(new))
        return
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(old[i:j]))
        else:
            yield Piece("removed", "".join(old[i:j]))
            yield Piece("added", "".join(new[k:m]))


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Without empty ones; neighbours of one kind as one."""
    kept = [piece for piece in pieces if piece.text]
    return [
        Piece(kind, "".join(piece.text for piece in group))
        for kind, group in groupby(kept, key=lambda piece: piece.kind)
    ]


def _shortened(pieces: list[Piece]) -> list[Piece]:
    """What stays the same only near what does not."""
    shown: list[Piece] = []
    for number, piece in enumerate(pieces):
        head = CONTEXT if number else 0
        tail = CONTEXT if number + 1 < len(pieces) else 0
        if piece.kind != "same" or len(piece.text) <= head + tail + CONTEXT:
            shown.append(piece)
            continue
        left_out = piece.text[head : len(piece.text) - tail]
        shown += [
            replace(piece, text=piece.text[:head]),
            Piece("gap", left_out),
            replace(piece, text=piece.text[len(piece.text) - tail :]),
        ]
    return [piece for piece in shown if piece.text]
