"""Where an answer may be cut while it grows: top-level segments of Markdown, found by line rules of our own.

A segment that was cut is never changed by later text, and the cuts do not depend on how the text arrived. So a
streamed answer and the same answer rendered at once have the same segments. What spans segments (link definitions,
footnotes) is `markdown.py`'s business. Pure; no HTML here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SEGMENT_BYTES = 14_000  # with a repeated table header still under the 16 kB that comrak may get
HEADER_BYTES = 2_000
LONG_LINE = 1_000  # what kind of line it is shows in so many characters

FENCE = re.compile(r" {0,3}(?:(`{3,})[^`\n]*|(~{3,}).*)$")
HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
MEANINGFUL = "`~#-+*_0123456789"  # what lines of the kinds here begin with
MARKER = re.compile(r"( {0,3})([-+*]|(\d{1,9})[.)])([ \t]+(?=\S)|[ \t]*$)")
TABLE_RULE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
# The beginning of a line that has begun like a list item: not yet known, or known not to be one.
MAY_BE_MARKER = re.compile(r"(?:[-+*][-+* \t]*|\d{1,9}[.)]?[ \t]*)$")


@dataclass(frozen=True)
class Segment:
    """A piece of the answer from code point `start` to `end`.

    fence: the piece is one fenced code block. header: a table's first two lines, when the piece goes on with its rows.
    number: what an ordered list goes on with, when the piece is the rest of one.
    """

    start: int
    end: int
    fence: bool = False
    header: str = ""
    number: int | None = None


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def indent_of(line: str) -> int:
    """Columns of white space at the beginning."""
    width = len(line) - len(line.lstrip(" "))
    return width if line[width : width + 1] != "\t" else width // 4 * 4 + 4


class Scanner:
    """Cuts an append-only text into segments; `start` is where the open one begins.

    most_bytes: of a segment; a longer block is cut.
    """

    def __init__(self, most_bytes: float = SEGMENT_BYTES) -> None:
        self.most_bytes = most_bytes
        self.start = 0
        self.fence: str = ""  # the characters that opened the fence, if the open segment is one
        self.header = ""
        self.number: int | None = None
        self._at = 0  # the first line that is not yet taken in
        self._found: list[Segment] = []
        self._reset()

    def _reset(self) -> None:
        self.fence, self.header, self.number = "", "", None
        self._size = 0
        self._content = False  # the open segment has more than blank lines
        self._blank = False  # its last line is blank
        self._offset = 0  # columns an item's content is indented by; 0 outside of lists
        self._item = 0  # where the newest top-level item begins
        self._first: int | None = None  # number of an ordered list's first item
        self._items = 0
        self._table = ""
        self._previous = ""

    def feed(self, text: str, *, final: bool = False) -> list[Segment]:
        """The segments that have become certain. text: the whole answer so far. final: there is no more."""
        self._found = []
        while self._at < len(text):
            newline = text.find("\n", self._at)
            stop = len(text) if newline < 0 else newline + 1
            line = text[self._at : stop]
            if not self._take(text, line, complete=newline >= 0 or final):
                break
        if final and self.start < len(text):
            self._close(len(text))
        return self._found

    def _take(self, text: str, line: str, *, complete: bool) -> bool:
        """Take in one line; False if more of it must be seen first."""
        if self.fence:
            return self._take_code(line, complete=complete)
        if self._blank and self._continues(line, complete=complete) is False:
            self._close(self._at)
        if not complete and len(line) < LONG_LINE:
            return False
        head = line[:LONG_LINE].rstrip()
        marker = None
        if head.lstrip(" ")[:1] in MEANINGFUL and head:  # most lines are none of these
            short = len(line) < LONG_LINE
            nested = bool(self._offset) and indent_of(line) >= self._offset
            if short and not nested and (fence := FENCE.match(head)):
                self._close(self._at)
                self.fence = fence[1] or fence[2]
                self._at += len(line)
                return True
            if short and not nested and HEADING.match(head):
                self._close(self._at)
                self._at += len(line)
                self._close(self._at, content=True)
                return True
            if not nested and not (short and RULE.match(head)):
                marker = MARKER.match(head)
        size = _bytes(line)
        if self._size + size > self.most_bytes:
            self._cut(text, item=marker is not None)
            return True
        if not complete:
            return False
        self._advance(line, head, marker)
        self._size += size
        return True

    def _take_code(self, line: str, *, complete: bool) -> bool:
        if not complete:
            return False
        self._at += len(line)
        bare = line.strip(" \t\r\n")
        mark = self.fence[0]
        if len(bare) >= len(self.fence) and bare == mark * len(bare) and indent_of(line) < 4:
            self._close(self._at, content=True)
        return True

    def _continues(self, line: str, *, complete: bool) -> bool | None:
        """After a blank line: does this line belong to the open segment? None: not to be said yet."""
        bare = line.strip()
        indent = indent_of(line)
        if indent >= 4 or (self._offset and indent >= self._offset and bare):
            return True
        if not bare:
            return True if complete else None
        if not self._offset:
            return False
        known = complete or len(line) >= LONG_LINE
        head = line[:LONG_LINE].rstrip() if known else line
        if not known and MAY_BE_MARKER.match(bare):
            return None
        return bool(MARKER.match(head)) and not (known and RULE.match(head))

    def _advance(self, line: str, head: str, marker: re.Match[str] | None) -> None:
        if not head:
            self._blank, self._table, self._previous = self._content, "", ""
        else:
            self._blank, self._content = False, True
            if marker:
                self._begin_item(marker)
            if "|" in self._previous and "-" in head and TABLE_RULE.match(head):
                header = self._previous + line
                self._table = header if _bytes(header) <= HEADER_BYTES else ""
            self._previous = line
        self._at += len(line)

    def _begin_item(self, marker: re.Match[str]) -> None:
        spaces = len(marker[4].expandtabs(4))
        self._offset = len(marker[1]) + len(marker[2]) + (spaces if 1 <= spaces <= 4 else 1)
        self._item = self._at
        if marker[3] is None:
            self._first = None
        elif self._first is None:
            self._first, self._items = int(marker[3]), 1
        else:
            self._items += 1

    def _cut(self, text: str, *, item: bool) -> None:
        """The line at `_at` would make the open segment too large: end it before, best between two items."""
        if self.start == self._at:
            piece = text[self._at : self._at + SEGMENT_BYTES]
            if not piece.isascii():
                piece = piece[: SEGMENT_BYTES // 4]
            space = piece.rfind(" ", len(piece) - 200)
            self._at += space + 1 if space > 0 else len(piece)
            self._close(self._at, content=True)
            return
        inside = not item and self._item > self.start
        cut = self._item if inside else self._at
        offset, first, items = self._offset, self._first, self._items
        table, blank = (self._table, False) if cut == self._at else ("", self._blank)
        self._close(cut, content=True)
        self._offset, self._first, self._items, self._item = offset, first, items, cut
        if first is not None and (item or inside):
            self.number = first + items - (1 if inside else 0)
        self.header = self._table = table
        self._size = _bytes(text[cut : self._at]) + _bytes(table)
        self._blank, self._content = blank, cut < self._at

    def _close(self, end: int, *, content: bool = False) -> None:
        """End the open segment; one of blank lines alone goes with the next."""
        if end > self.start and (content or self._content or self.fence):
            self._found.append(Segment(self.start, end, bool(self.fence), self.header, self.number))
            self.start = end
        self._at = max(self._at, end)
        self._reset()


MARKS = re.compile(r"\*\*|~~|`|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|\]\([^)\s]*\)?")
# A last line that says nothing yet: a marker without its text, the beginning of a fence or of a table's rule.
BARE_LINE = re.compile(
    r"[ \t>]*(?:[-+*=#_]+|[-+*] \[[ xX]?\]?|\d{1,9}[.)]?|`{2,}[^`]*|~{3,}.*|\|?[-:][-|: ]*|\|)[ \t]*$"
)
OPEN_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^()\n]*)?)?$")
# The end of a segment is inside an address, the beginning of what follows may be its rest.
IN_ADDRESS = re.compile(r"\]\([^()\s]*$")
REST_OF_ADDRESS = re.compile(r"[^()\s]*\)?")
DANGLING = "*`~_#>|[]($\\ \t\r\n"  # what says nothing at the end of a tail
NESTED_FENCE = re.compile(r"^[ \t>]*(?:[-+*] +|\d+[.)] +)?(?:```|~~~)", re.MULTILINE)
OPEN_STAR = re.compile(r"(?:^|[^\w*])\*[^\s*][^*]*$")


def soften(source: str) -> tuple[str, int]:
    """The open segment as it would look if it ended well, and how much of `source` that shows.

    What dangles at the end is closed or left out.
    """
    line = source.rfind("\n") + 1
    if BARE_LINE.match(source, line):
        source = source[:line]
    source = source.rstrip()
    if len(NESTED_FENCE.findall(source)) % 2:
        return source, len(source)
    return _closed(source), len(source)


def _closed(source: str) -> str:
    begin = source.rfind("\n\n") + 1
    head, last = source[:begin], source[begin:]
    for opener, closer in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$")):
        at = last.rfind(opener)
        is_open = last.count("$$") % 2 if opener == closer else closer not in last[at:]
        if at >= 0 and is_open:
            formula = last[at + 2 :].replace("`", "").strip().replace("\n", " ")
            return head + last[:at] + (f"`{formula}`" if formula else "")
    last = last.rstrip("*_~$")
    if last.count("`") % 2:
        return head + last.rstrip("`") + ("`" if not last.endswith("`") else "")
    last = OPEN_LINK.sub(r"\1", last)
    closers = ""
    if OPEN_STAR.search(last.replace("**", "")):
        closers += "*"
    if last.count("**") % 2:
        closers += "**"
    if last.count("~~") % 2:
        closers += "~~"
    return head + (last.rstrip() + closers if closers else last)


def code_tail(text: str) -> str:
    """What follows the code that is shown, without what may turn out to be the fence's end."""
    return text.rstrip("`~").rstrip(" \t").removesuffix("\n").removesuffix("\r")


class Tail:
    """Text that has not been rendered yet, as it may follow what is shown. Growing text gives a growing tail.

    Finished lines are cleaned of their marks once: looking at them again for each delta would be quadratic.
    """

    def __init__(self) -> None:
        self._start = self._done = -1
        self._in_address = False
        self._lines = ""

    def after(self, shown_start: int, start: int, text: str) -> str:
        """start: where the tail begins in the whole `text`; what is shown before it begins at `shown_start`."""
        if start != self._start:
            self._start = self._done = start
            self._lines = ""
            before = max(shown_start, start - LONG_LINE)
            self._in_address = IN_ADDRESS.search(text[before:start]) is not None
        if self._in_address:
            rest = REST_OF_ADDRESS.match(text, start)
            self._done = rest.end() if rest else start
            self._in_address = self._done == len(text)
        line = text.rfind("\n", self._done) + 1
        if line:
            self._lines += MARKS.sub("", text[self._done : line])
            self._done = line
        last = text[self._done :]
        if not last.strip("-:=+|>#*0123456789. \t"):
            last = ""
        last = MARKS.sub("", last.rstrip(DANGLING))
        return self._lines + last if last else self._lines.rstrip(DANGLING)
