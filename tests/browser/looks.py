"""How a page is looked at: in which light, how wide, in which language; and what must never be found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
# Without what is in order, which is long.
RUN = "([part, options]) => axe.run(part, options).then(({ violations }) => ({ violations }))"
NARROWEST = 320
HEIGHT = 800

WIDEST = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((element) => element.outerHTML.slice(0, 120))"""


@dataclass(frozen=True, order=True)
class Look:
    scheme: Literal["light", "dark"]
    width: int
    language: str = "en"
    contrast: Literal["no-preference", "more"] = "no-preference"

    @property
    def options(self) -> dict[str, Any]:
        return {
            "color_scheme": self.scheme,
            "contrast": self.contrast,
            "viewport": {"width": self.width, "height": HEIGHT},
            "locale": "zh-CN" if self.language == "zh-hans" else "en-US",
            "reduced_motion": "reduce",
        }

    def __str__(self) -> str:
        light = "contrast" if self.contrast == "more" else self.scheme
        return f"{light}-{self.width}-{self.language}"


WIDE = pytest.param(Look("light", 1280), id="light-1280")
NARROW = pytest.param(Look("dark", 360), id="dark-360")
CHINESE = pytest.param(Look("light", 360, "zh-hans"), id="chinese-360")
CHINESE_WIDE = pytest.param(Look("dark", 1280, "zh-hans"), id="chinese-dark-1280")
looks = pytest.mark.parametrize("look", [WIDE, NARROW])
all_looks = pytest.mark.parametrize("look", [WIDE, NARROW, CHINESE, CHINESE_WIDE])
all_in_turn = pytest.mark.parametrize(
    "in_turn",
    [
        pytest.param((Look("light", 1280), Look("dark", 360)), id="en"),
        pytest.param((Look("light", 360, "zh-hans"), Look("dark", 1280, "zh-hans")), id="zh-hans"),
    ],
)

# Three looks a page, from one of three squares in turn: every page is seen in each light, at each width and in both
# languages; all pages together show each light at each width, and each light and each width in both languages.
SQUARES = (
    (Look("light", 360), Look("dark", 768, "zh-hans"), Look("dark", 1440, "en", "more")),
    (Look("light", 768, "zh-hans"), Look("dark", 1440), Look("light", 360, "zh-hans", "more")),
    (Look("light", 1440, "zh-hans"), Look("dark", 360), Look("light", 768, "en", "more")),
)


def pairwise(names: Iterable[str]) -> pytest.MarkDecorator:
    """`name` and `look`, sorted so that one language comes after the other: the browser is made ready once for each."""
    pairs = [(look, name) for n, name in enumerate(names) for look in SQUARES[n % 3]]
    pairs.sort(key=lambda pair: (pair[0].language, pair))
    cases = [pytest.param(look, name, id=f"{look}-{name}") for look, name in pairs]
    return pytest.mark.parametrize(("look", "name"), cases)


def pairwise_in_turn(names: Iterable[str]) -> pytest.MarkDecorator:
    """`name` and `in_turn`: the same looks, those in one language one after the other on the page loaded in the first.

    For pages that only their style sheets suit to a look.
    """
    pairs = [
        (language, name, tuple(look for look in SQUARES[n % 3] if look.language == language))
        for language in ("en", "zh-hans")
        for n, name in enumerate(names)
    ]
    cases = [pytest.param(looks, name, id=f"{language}-{name}") for language, name, looks in pairs]
    return pytest.mark.parametrize(("in_turn", "name"), cases)


def wear(page: Page, look: Look) -> None:
    """Change all of the look but the language."""
    page.emulate_media(color_scheme=look.scheme, contrast=look.contrast)
    page.set_viewport_size({"width": look.width, "height": HEIGHT})


def check_in_turn(page: Page, looks: Iterable[Look]) -> None:
    for look in looks:
        wear(page, look)
        check(page)


def check(page: Page, part: str = "html") -> None:
    """The page as it is now, or the part of it that a selector names."""
    expect(page.locator("main").first).to_be_visible()
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    results = AxeResults(page.evaluate(RUN, [part, OPTIONS]))
    assert results.violations_count == 0, results.generate_report()
    expect_no_overflow(page)
    size = page.viewport_size
    if size and size["width"] < 400:
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        expect_no_overflow(page)
        page.set_viewport_size(size)


def expect_no_overflow(page: Page) -> None:
    sizes = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scroll_width, client_width = page.evaluate(sizes)
    assert scroll_width <= client_width, page.evaluate(WIDEST)
