"""A piece of Markdown as it is heard: what comrak makes of it, without what only the eye can use. Pure but for the
language of its own few words, which is the active one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _
from pygments.lexers import find_lexer_class_by_name
from pygments.util import ClassNotFound

from ..rendering.highlighting import LANGUAGES
from ..rendering.markdown import read_segment
from .formulas import in_words

ROWS = 20  # of a table; nobody keeps more in mind
CELL = 200  # code points of one

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\u2300-\u23ff\ufe0e\ufe0f\u200d\u20e3"
    "\U000e0020-\U000e007f]+"
)
_ADDRESS = re.compile(
    r"https?://(?:[^\s/@]*@)?(?:www\.)?([^\s/:?#，。；：！？、）】》]+)[^\s，。；：！？、）】》]*"
)
_TRAILING = re.compile(r"[.,:;!?'\")\]]+$")
_REFERENCE = re.compile(r"!?\[([^\[\]\n]{1,300})\](?:\[[^\[\]\n]{0,300}\])")
_NOTE = re.compile(r"^\[\^([^\]\s]{1,100})\]:\s*")
_NOTED = re.compile(r"\[\^[^\]\s]{1,100}\]")
_MARKS = re.compile(r"\*{2,}|`+|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|<br ?/?>")
_BLANK = re.compile(r"\s+")
_ENDED = re.compile(r"[.!?…。！？:：;；,，][\"'”’」』）】)\]]*$")
_HEARD = re.compile(r"\w")
_IDEOGRAPH = re.compile("[\u3400-\u9fff\u3040-\u30ff]")


@dataclass(frozen=True)
class Block:
    """One paragraph, heading, item or row; most have no mark at their end. lead: said before the first sentence."""

    text: str
    lead: str = ""


def heard(source: str, *, number: int | None = None, goes_on: bool = False) -> list[Block]:
    """number: of the ordered list's first item in it. goes_on: more rows of its table follow and are not read."""
    note = _NOTE.match(source)
    html = read_segment(source[note.end() :] if note else source)
    if html is None:
        blocks = [Block(text) for line in source.splitlines() if (text := _clean(line))]
    else:
        listener = _Listener(number, goes_on=goes_on)
        listener.feed(html)
        listener.close()
        blocks = listener.blocks
    if note and blocks:
        lead = _("Footnote %(name)s:") % {"name": note[1]}
        blocks[0] = Block(blocks[0].text, lead)
    return blocks


def code_heard(language: str) -> Block:
    """language: as it stands after the fence."""
    name = _name_of(language.strip()[:30])
    if name:
        return Block(_("Code example in %(language)s.") % {"language": name})
    return Block(_("Code example."))


def formula_heard(latex: str) -> str:
    return in_words(latex, chinese=is_chinese()) or _("formula")


def is_chinese() -> bool:
    """What the site itself says here."""
    return (get_language() or "").startswith("zh")


@lru_cache(maxsize=256)
def _name_of(language: str) -> str:
    """As people call it: `py` is Python."""
    if language.lower() in LANGUAGES:
        try:
            return str(find_lexer_class_by_name(language).name)
        except ClassNotFound:
            pass
    return language if re.fullmatch(r"\w[\w+#.-]*", language) else ""


def _clean(text: str) -> str:
    text = _REFERENCE.sub(r"\1", text)
    text = _NOTED.sub("", text)
    text = _ADDRESS.sub(_host, text)
    text = _EMOJI.sub(" ", text)
    text = _BLANK.sub(" ", _MARKS.sub(" ", text)).strip()
    text = re.sub(r" ([,.;:!?，。；：！？、）])", r"\1", text)
    return text if _HEARD.search(text) else ""


def _host(found: re.Match[str]) -> str:
    trailing = _TRAILING.search(found[0])
    return _TRAILING.sub("", found[1]) + (trailing[0] if trailing else "")


def ended(text: str) -> str:
    """With something at its end that makes a pause."""
    if _ENDED.search(text):
        return text
    return text + ("。" if _IDEOGRAPH.search(text[-5:]) else ".")


class _Listener(HTMLParser):
    """Reads comrak's HTML, which is well formed: it is made from text that has been escaped."""

    def __init__(self, number: int | None, *, goes_on: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.words: list[str] = []
        self.lead = ""
        self.lists: list[int | None] = []  # number of the next item, None in lists without
        self.number = number
        self.goes_on = goes_on
        self.formula: list[str] | None = None
        self.code: str | None = None  # language of a block, whose text is not heard
        self.is_code = False
        self.head: list[str] = []
        self.row: list[str] = []
        self.rows = 0
        self.is_cell = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        fields = {name: value or "" for name, value in attributes}
        if tag == "pre":
            self._end_block()
            self.code = ""
        elif tag == "code":
            if self.code is None:
                self.is_code = True
            elif "data-math-style" in fields:
                self.formula = []
            else:
                self.code = fields.get("class", "").removeprefix("language-")
        elif tag == "span" and "data-math-style" in fields:
            self.formula = []
        elif tag == "img":
            self._say_image(fields.get("alt", ""))
        elif tag == "input":
            done = "checked" in fields
            self.lead += " " + (pgettext("task", "Done:") if done else pgettext("task", "To do:"))
        elif tag == "br":
            self.words.append(" ")
        elif tag in ("ol", "ul"):
            self._end_block()
            self._begin_list(tag, fields)
        elif tag == "li":
            self._begin_item()
        elif tag == "table":
            self._end_block()
            self.head, self.rows = [], 0
        elif tag == "tr":
            self.row = []
        elif tag in ("td", "th"):
            self.is_cell, self.words = True, []
        elif tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"):
            self._end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._end_code()
        elif tag in ("code", "span"):
            self._end_formula()
            self.is_code = False
        elif tag in ("ol", "ul"):
            self._end_block()
            self.lists.pop()
        elif tag == "thead":
            self.head = self.row
        elif tag == "tr" and self.head and self.row is not self.head:
            self._end_row()
        elif tag in ("td", "th"):
            self.row.append(_clean("".join(self.words))[:CELL].strip())
            self.is_cell, self.words = False, []
        elif tag == "table":
            self._end_table()
        elif tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "blockquote"):
            self._end_block()

    def handle_data(self, data: str) -> None:
        if self.formula is not None:
            self.formula.append(data)
        elif self.code is None:
            self.words.append(_spoken_code(data) if self.is_code else data)

    def close(self) -> None:
        super().close()
        self._end_block()

    def _say_image(self, alt: str) -> None:
        self.words.append(f" {_('Image: %(text)s') % {'text': alt}} " if alt.strip() else " ")

    def _begin_list(self, tag: str, fields: dict[str, str]) -> None:
        start: int | None = None
        if tag == "ol":
            start = int(fields.get("start") or 1)
            if self.number is not None and not self.lists:
                start = self.number
        self.lists.append(start)

    def _begin_item(self) -> None:
        self._end_block()
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lead = f"{number}{'、' if is_chinese() else '.'}"
            self.lists[-1] = number + 1

    def _end_block(self) -> None:
        if self.is_cell:
            return
        text = _clean("".join(self.words))
        self.words = []
        if text:
            self.blocks.append(Block(text, self.lead.strip()))
            self.lead = ""

    def _end_formula(self) -> None:
        if self.formula is None:
            return
        words = formula_heard("".join(self.formula).strip())
        self.formula = None
        self.words.append(f" {words} " if self.code is None else words)

    def _end_code(self) -> None:
        if self.words:  # it was a formula
            self.code = None
            self._end_block()
        else:
            self.blocks.append(Block(code_heard(self.code or "").text, self.lead.strip()))
            self.code, self.lead = None, ""

    def _end_row(self) -> None:
        self.rows += 1
        if self.rows > ROWS:
            return
        cells = list(self._cells())
        if cells:
            joiner = "；" if is_chinese() else "; "
            self.blocks.append(Block(joiner.join(cells)))

    def _cells(self) -> Iterator[str]:
        for place, cell in enumerate(self.row):
            name = self.head[place] if place < len(self.head) else ""
            if cell and name:
                yield f"{name}{'：' if is_chinese() else ': '}{cell}"
            elif cell:
                yield cell

    def _end_table(self) -> None:
        more = self.rows - ROWS
        if self.goes_on:
            self.blocks.append(Block(_("And more rows.")))
        elif more > 0:
            text = ngettext("And %(count)s more row.", "And %(count)s more rows.", more)
            self.blocks.append(Block(text % {"count": more}))
        elif not self.rows and (names := [name for name in self.head if name]):
            self.blocks.append(Block(", ".join(names)))
        self.head = []


def _spoken_code(code: str) -> str:
    """Without what nobody says of a name."""
    return re.sub(r"(?<=\w)\(\)", "", code).replace("_", " ")
