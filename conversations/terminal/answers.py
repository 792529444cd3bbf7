"""How an answer appears on standard output: as it comes, or as growing Markdown. Nothing of it steers the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from ..rendering.incremental import Scanner, soften
from .screen import clean, has_colours

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.live import Live as Drawing
    from rich.segment import Segment

FRAMES_PER_SECOND = 12


class Shown(Protocol):
    def add(self, text: str) -> None: ...

    def pause(self) -> None:
        """Until more is added, something else is written where it would go on."""

    def finish(self) -> None:
        """Once, however the answer ended."""


def shown_answer() -> Shown:
    if sys.stdout.isatty() and has_colours():
        return Live()
    return Plain()


class Plain:
    """The text itself, to the last character, and a line end."""

    def __init__(self) -> None:
        self.last = "\n"

    def add(self, text: str) -> None:
        if said := clean(text):
            sys.stdout.write(said)
            sys.stdout.flush()
            self.last = said[-1]

    def pause(self) -> None:
        pass

    def finish(self) -> None:
        if self.last != "\n":
            sys.stdout.write("\n")
            sys.stdout.flush()


class Live:
    """Finished blocks are printed once; the one that grows is drawn again and again below them."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self.text = ""
        self.shown = 0  # what is printed for good ends here
        self.is_first = True
        self.scanner = Scanner()
        self.drawing = self._draw()

    def _draw(self) -> Drawing:
        """Each time anew: a stopped one would go on above what has been written since."""
        from rich.live import Live as Drawing

        drawing = Drawing(
            console=self.console,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=self._open,
        )
        drawing.start()
        return drawing

    def add(self, text: str) -> None:
        if not self.drawing.is_started:
            self.drawing = self._draw()
        self.text += clean(text)
        for segment in self.scanner.feed(self.text):
            self._print(segment.end)

    def pause(self) -> None:
        self.drawing.stop()

    def finish(self) -> None:
        rest, self.text = self.text[self.shown :], self.text[: self.shown]
        self.drawing.stop()  # it draws a last time, and should leave nothing behind
        self.text += rest
        self._print(len(self.text))

    def _print(self, end: int) -> None:
        block, self.shown = self.text[self.shown : end], end
        if block.strip():
            self.console.print(markdown(block, below=not self.is_first))
            self.is_first = False

    def _open(self) -> RenderableType:
        block, _length = soften(self.text[self.shown :])
        if block:
            return Newest(markdown(block, below=not self.is_first))
        return "…" if self.is_first else ""


class Newest:
    """As many of the last lines as there is room for."""

    def __init__(self, content: RenderableType) -> None:
        self.content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        lines = console.render_lines(self.content, options, pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()


def markdown(text: str, *, below: bool) -> RenderableType:
    """below: with an empty line before it. Links show where they lead."""
    from rich.console import Group
    from rich.markdown import Markdown

    shown = Markdown(text, hyperlinks=False)
    return Group("", shown) if below else shown
