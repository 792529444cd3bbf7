"""What a page shows or says to somebody, without its markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SILENT = {"script", "style", "code", "pre", "math"}
EMPTY = set(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"]
)
SPOKEN = {"alt", "aria-label", "aria-description", "placeholder", "title", "label"}
# Addresses, ids, what is starred out, and places that scripts fill in.
ADDRESS = re.compile(
    r"https?://\S+|[\w.+-]+@[\w.-]+|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{32}\b|\S*\*{4,}|\{\w+\}"
)
# Rows that Django writes, in English.
PERMISSION = re.compile(r" \| Can (?:add|change|delete|view|read) ")
WORD = re.compile(r"[A-Za-z][A-Za-z_]+(?:['’-][A-Za-z]+)*")


class Visible(HTMLParser):
    """Collects texts, and attributes that are shown, read aloud or given to scripts to show."""

    def __init__(self, html: str, *, but: str) -> None:
        """but: a language whose own elements are left out."""
        super().__init__()
        self.but = but
        self.open: list[tuple[str, bool]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    @property
    def is_silent(self) -> bool:
        return any(silent for _tag, silent in self.open)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        silent = tag in SILENT or ("lang", self.but) in attributes
        if tag not in EMPTY:
            self.open.append((tag, silent))
        if self.is_silent or silent:
            return
        for name, value in attributes:
            if value and (name in SPOKEN or name.startswith(("data-text", "data-toast"))):
                self.texts.append(value)
        given = dict(attributes)
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            self.texts.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            name, _silent = self.open.pop()
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.is_silent:
            self.texts.append(data.strip())


def english_in(text: str, *, known: frozenset[str]) -> list[str]:
    """The words in Latin letters that are not among the known ones, in any case."""
    words = WORD.findall(ADDRESS.sub(" ", text))
    return [word for word in words if word.lower() not in known]


def english_on(html: str, *, known: frozenset[str]) -> list[str]:
    """The texts of a Chinese page in which words are left in English."""
    texts = [text for text in Visible(html, but="en").texts if not PERMISSION.search(text)]
    return [text for text in texts if english_in(text, known=known)]
