"""Where an answer that grows may be cut to be read aloud: blocks, items, and the sentences of plain paragraphs.

`rendering/incremental.py` finds the blocks. Each cut follows from the text up to a little after it, never from how the
text arrived, so the pieces of a growing text are the first ones of the whole. Pure.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from ..rendering.incremental import MARKER, RULE, TABLE_RULE, Scanner, indent_of
from .sentences import END, is_end

MOST = 3_500  # code points of a piece: in no script too much for what reads Markdown
AHEAD = 50  # code points behind the end of a sentence, in which
DECIDING = 12  # that are no white space say what begins there

_NOT_PLAIN = re.compile(r"[>|<]|\[[^\]\n]*\]:")
_FORMULAS = {"$$": "$$", "\\[": "\\]"}  # a line that begins one, and how the last one ends
_NOTE = re.compile(r"\[\^[^\]\s]{1,100}\]:")
_MARKS = re.compile(
    r"\\[^()\[\]]|(?P<mark>\*\*|\*|~~|`+|\$+|(?<!\w)_|_(?!\w))"
    r"|(?P<open>\\[(\[]|[\[<])|(?P<close>\\[)\]]|[\]>])|(?P<bar>\|)"
)


@dataclass(frozen=True)
class Piece:
    """Markdown that is read by itself. start, end: code points of the whole text.

    kind: text, item, table, code (indented) or fence. number: of an item of an ordered list, as a page counts it.
    is_rest: it goes on with what did not fit into the piece before. goes_on: the next one does.
    """

    start: int
    end: int
    kind: str
    number: int | None = None
    is_rest: bool = False
    goes_on: bool = False


def pieces_of(text: str, *, complete: bool) -> Iterator[Piece]:
    """In order. complete: False for a text that may still grow: only pieces that no more text can change."""
    scanner = Scanner(most_bytes=math.inf)
    for segment in scanner.feed(text, final=complete):
        if segment.fence:
            yield Piece(segment.start, segment.end, "fence")
        else:
            yield from _Cutter(text, segment.start, segment.end, closed=True).pieces()
    if complete or scanner.start == len(text):
        return
    if scanner.fence:
        yield Piece(scanner.start, len(text), "fence", goes_on=True)
    else:
        yield from _Cutter(text, scanner.start, len(text), closed=False).pieces()


class _Cutter:
    """One segment that is no fence, line by line."""

    def __init__(self, text: str, start: int, end: int, *, closed: bool) -> None:
        self.text = text
        self.end = end
        self.closed = closed
        self.start = start  # of what has not been given out
        self.kind = ""  # of that; empty between two
        self.offset = 0  # columns that the content of an item is indented by
        self.number: int | None = None
        self.is_note = False
        self.previous = ""
        self.formula = ""  # what ends the displayed formula whose lines these are
        self.rest_from = -1  # where the last piece was cut for its length

    def pieces(self) -> Iterator[Piece]:
        at = self.start
        while at < self.end:
            newline = self.text.find("\n", at, self.end)
            stop = self.end if newline < 0 else newline + 1
            line = self.text[at:stop]
            if newline < 0 and not self.closed:
                if not self.kind and _is_prose(line):
                    self.kind = "text"
                break
            yield from self._take(line, at)
            at = stop
        else:
            yield from self._flush(at, closed=self.closed)
            return
        # The last line has only begun: of it, only what is plainly a paragraph is looked at.
        if self.kind == "text":
            yield from self._sentences(self.end if _is_prose(line) else at, closed=False)

    def _take(self, line: str, at: int) -> Iterator[Piece]:
        head = line.rstrip()
        if not head:
            if self.kind in ("text", "table"):
                yield from self._flush(at)
            if not self.kind:
                self.start = at + len(line)
            self.previous = self.formula = ""
            return
        if self.formula:
            self.formula = "" if head.endswith(self.formula) else self.formula
            return
        self.formula = _FORMULAS.get(head.strip(), "")
        marker = MARKER.match(head) if not RULE.match(head) else None
        if self.kind == "item" and indent_of(line) >= self.offset:
            marker = None
        elif self.kind == "text" and marker and marker[3] and int(marker[3]) != 1:
            marker = None  # a line of a paragraph that begins with a year
        if marker and self.kind != "code":
            yield from self._flush(at)
            self._begin_item(marker)
        elif not self.kind:
            self._begin(head, line)
        elif self.kind == "text" and "|" in self.previous and TABLE_RULE.match(head):
            yield from self._sentences(at, closed=False)
            self.kind = "table"
        if self.kind != "text":
            yield from self._bound(at, at + len(line))
        self.previous = head

    def _begin(self, head: str, line: str) -> None:
        is_indented = indent_of(line) >= 4 and not self.is_note
        self.kind = "code" if is_indented else "text"
        self.is_note = self.is_note or bool(_NOTE.match(head))
        self.number = None

    def _begin_item(self, marker: re.Match[str]) -> None:
        spaces = len(marker[4].expandtabs(4))
        self.offset = len(marker[1]) + len(marker[2]) + (spaces if 1 <= spaces <= 4 else 1)
        if marker[3] is None:
            self.number = None
        else:
            self.number = int(marker[3]) if self.number is None else self.number + 1
        self.kind = "item"

    def _bound(self, at: int, stop: int) -> Iterator[Piece]:
        """Before the line that makes a piece too long; a line that is too long itself, wherever that is."""
        if at > self.start and stop - self.start > MOST:
            yield self._cut(at)
        while stop - self.start > MOST:
            yield self._cut(_space_before(self.text, self.start, self.start + MOST))

    def _cut(self, end: int) -> Piece:
        piece = Piece(self.start, end, self.kind, self.number, self._is_rest(), goes_on=True)
        self.start = end
        self.rest_from = end
        return piece

    def _is_rest(self) -> bool:
        return self.start == self.rest_from

    def _flush(self, at: int, *, closed: bool = True) -> Iterator[Piece]:
        """What has been taken in up to `at`, as far as it is certain."""
        if self.kind == "text":
            yield from self._sentences(at, closed=closed)
        elif closed and self.kind and at > self.start:
            yield Piece(self.start, at, self.kind, self.number, self._is_rest())
        if closed:
            self.start, self.kind = at, ""

    # --- sentences of a paragraph ------------------------------------------------------------------------------------

    def _sentences(self, stop: int, *, closed: bool) -> Iterator[Piece]:
        """Of the paragraph from `start` to `stop`. closed: nothing more belongs to it."""
        while True:
            is_open = yield from self._ends(stop, closed=closed)
            if is_open or stop - self.start <= MOST:
                break
            yield self._cut(_space_before(self.text, self.start, self.start + MOST))
        if closed and self.text[self.start : stop].strip():
            yield Piece(self.start, stop, "text", is_rest=self._is_rest())
            self.start = stop

    def _ends(self, stop: int, *, closed: bool) -> Generator[Piece, None, bool]:
        """Up to the last end that is certain; returns whether more text has to be seen for the next."""
        text, balance, counted = self.text, _Balance(), self.start
        if _NOT_PLAIN.match(text[self.start : self.start + 200].lstrip()):
            return False
        for found in END.finditer(text, self.start, stop):
            if found.end() > self.start + MOST:
                return False
            for cut in _cuts(text, found, stop):
                after = text[cut : min(stop, cut + AHEAD)].lstrip()
                if len(after) < DECIDING and not closed:
                    return True
                balance.add(text[counted:cut])
                counted = cut
                if balance.is_even and _begins_a_sentence(after):
                    following = after.lstrip("*`_")[:1]
                    if is_end(text, found, following, start=self.start):
                        yield Piece(self.start, cut, "text", is_rest=self._is_rest())
                        self.start, balance = cut, _Balance()
                        break
        return False


class _Balance:
    """Whether whatever marks a text up has ended in it. It is fed in parts that end behind punctuation."""

    def __init__(self) -> None:
        self.marks: Counter[str] = Counter()
        self.open = 0
        self.has_bar = False

    def add(self, text: str) -> None:
        for found in _MARKS.finditer(text):
            kind = found.lastgroup
            if kind == "mark":
                self.marks[found[0]] += 1
            elif kind == "open":
                self.open += 1
            elif kind == "close":
                self.open -= 1
            elif kind == "bar":
                self.has_bar = True

    @property
    def is_even(self) -> bool:
        odd = any(count % 2 for count in self.marks.values())
        return not (odd or self.has_bar or self.open > 0)


def _cuts(text: str, found: re.Match[str], stop: int) -> Iterator[int]:
    """After the sentence's end, before or behind the marks that follow it at once."""
    yield found.end()
    marks = re.compile(r"[*_~`]+").match(text, found.end(), stop)
    if marks:
        yield marks.end()


def _begins_a_sentence(after: str) -> bool:
    """What follows is read alike wherever it stands: no beginning of a list, of a definition or of code."""
    first = after[:1]
    if first.isdigit():
        return re.match(r"\d{1,9}(?:[^\d.)]|[.)]\S)", after) is not None
    if after.startswith("**"):
        return after[2:3].isalpha()
    if first == "`":
        return after[1:2] not in ("`", "")
    return first.isalpha() or first in "“‘\"'（《「『(¿¡" or first > "\u2190"


def _is_prose(line: str) -> bool:
    """The beginning of a line that can be nothing but one of a paragraph."""
    return bool(line) and (line[0].isalpha() or line[0] in "“‘\"'（《「『(")


def _space_before(text: str, start: int, end: int) -> int:
    space = max(text.rfind(" ", end - 200, end), text.rfind("\n", end - 200, end))
    return space + 1 if space > start else end
