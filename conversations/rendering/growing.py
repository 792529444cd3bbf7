"""An answer's HTML while it grows: finished blocks once, the open one again, and a tail of plain text between.

`incremental.py` says where text may be cut, `markdown.py` makes the HTML.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .highlighting import CODE_LIMIT
from .incremental import Scanner, Segment, Tail, code_tail, soften
from .markdown import fence_html, identifier, render_markdown, segment_html

# While a block grows: coloured HTML is five times as long, and the finished block may have to do without.
OPEN_CODE_LIMIT = CODE_LIMIT // 5
# Spent on rendering open blocks again, as a multiple of the HTML and of the text so far.
OPEN_SHARE = 3.0


@dataclass(frozen=True)
class Block:
    """A finished part of an answer.

    end: code points of the answer that it and the blocks before it cover.
    announced_at: length of the answer when the block was found to be finished.
    """

    index: int
    html: str
    end: int
    announced_at: int


class AnswerRenderer:
    """The HTML of one running answer, shared by all its readers and safe to call from any thread.

    blocks: finished, append-only; their HTML one after the other is the page's. open_html: the block that grows, by
    `open_index`; tail: text to show behind it, which only grows until `open_html` changes, so that a reader is sent
    what is new of it. Rendering the open block again is rationed: what was spent on it stays within OPEN_SHARE of all
    HTML, and between two renderings the tail carries the news.
    """

    def __init__(self, prefix: str = "") -> None:
        self.blocks: list[Block] = []
        self.open_html = ""
        self.open_index = 0
        self.tail = ""
        self.length = 0
        self.last_cost_seconds = 0.0
        self.rendered_characters = 0  # handed to the pipeline so far, over all renderings
        self._prefix = prefix
        self._scanner = Scanner()
        self._tail_text = Tail()
        self._lock = threading.Lock()
        self._covered = 0  # code points that blocks and open_html show
        self._finished_size = 0
        self._open_size = 0  # of all renderings of open blocks together, in HTML
        self._open_characters = 0  # and in Markdown

    def update(self, text: str) -> None:
        """text: the whole answer so far; it only ever grows. Costs nothing when it has not."""
        with self._lock:
            if len(text) == self.length:
                return
            started = time.perf_counter()
            self._take(text, self._scanner.feed(text))
            self._show_open(text)
            self.length = len(text)
            self.last_cost_seconds = time.perf_counter() - started

    def finish(self, text: str) -> str | None:
        """Turn what is open into blocks. The whole answer's HTML if the blocks do not add up to it, else None."""
        with self._lock:
            started = time.perf_counter()
            self._take(text, self._scanner.feed(text, final=True))
            self.open_html = self.tail = ""
            self.open_index = len(self.blocks)
            self.length = len(text)
            whole = None
            # Segments alone make up the whole unless definitions reach across them.
            if "]:" in text:
                whole = str(render_markdown(text, prefix=self._prefix))
                self.rendered_characters += len(text)
                if whole == "".join(block.html for block in self.blocks):
                    whole = None
            self.last_cost_seconds = time.perf_counter() - started
            return whole

    def _take(self, text: str, segments: list[Segment]) -> None:
        for segment in segments:
            html = segment_html(text, segment, prefix=identifier(self._prefix))
            self.rendered_characters += segment.end - segment.start
            if html:
                self.blocks.append(Block(len(self.blocks), html, segment.end, len(text)))
            self._finished_size += len(html)
            self._covered = segment.end
            self.open_html = self.tail = ""
            self.open_index = len(self.blocks)

    def _show_open(self, text: str) -> None:
        new = len(text) - self._covered
        have = len(self.open_html)
        allowed = OPEN_SHARE * (self._finished_size + have + new)
        work = self._open_characters + len(text) - self._scanner.start
        dear = self._open_size + have + 2 * new > allowed or work > OPEN_SHARE * len(text)
        if self.open_html and dear:
            self.tail = self._tail(text)
            return
        html, covered = self._open_html(text)
        self._open_size += len(html)
        self._open_characters = work
        if html and html != self.open_html:
            self._covered, self.open_html = covered, html
        # What is new may not show yet; a tail that readers have must not shrink.
        self.tail = self._tail(text) if self.open_html else ""

    def _tail(self, text: str) -> str:
        if self._scanner.fence:
            return code_tail(text[self._covered :])
        return self._tail_text.after(self._scanner.start, self._covered, text)

    def _open_html(self, text: str) -> tuple[str, int]:
        """The open segment's HTML and the code point up to which it shows the answer."""
        scanner = self._scanner
        source = text[scanner.start :]
        if not scanner.fence:
            shown, kept = soften(source)
            self.rendered_characters += len(shown)
            segment = Segment(0, len(shown), False, scanner.header, scanner.number)
            html = segment_html(shown, segment, prefix=identifier(self._prefix))
            return html, scanner.start + kept
        code = code_tail(source)
        self.rendered_characters += len(code)
        code += "\n"
        if len(code) > OPEN_CODE_LIMIT:
            html = fence_html(code)
        else:
            html = segment_html(code, Segment(0, len(code), fence=True), prefix="")
        # Without the last line's end: a tail goes on in that line.
        covered = max(len(code) - 1, source.index("\n", len(source) - len(source.lstrip())) + 1)
        return html.replace("\n</code></pre>", "</code></pre>"), scanner.start + covered
