"""How a page is looked at: in which light, how wide, in which language; and what must never be found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
NARROWEST = 320


@dataclass(frozen=True)
class Look:
    scheme: str
    width: int
    language: str = "en"

    @property
    def options(self) -> dict[str, Any]:
        return {
            "color_scheme": self.scheme,
            "viewport": {"width": self.width, "height": 800},
            "locale": "zh-CN" if self.language == "zh-hans" else "en-US",
            "reduced_motion": "reduce",
        }


WIDE = pytest.param(Look("light", 1280), id="light-1280")
NARROW = pytest.param(Look("dark", 360), id="dark-360")
CHINESE = pytest.param(Look("light", 360, "zh-hans"), id="chinese-360")
CHINESE_WIDE = pytest.param(Look("dark", 1280, "zh-hans"), id="chinese-dark-1280")
looks = pytest.mark.parametrize("look", [WIDE, NARROW])
all_looks = pytest.mark.parametrize("look", [WIDE, NARROW, CHINESE, CHINESE_WIDE])


def check(page: Page) -> None:
    """The page as it is now."""
    expect(page.locator("main").first).to_be_visible()
    results = Axe().run(page, options=OPTIONS)
    assert results.violations_count == 0, results.generate_report()
    expect_no_overflow(page)
    if page.viewport_size and page.viewport_size["width"] < 400:
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        expect_no_overflow(page)


def expect_no_overflow(page: Page) -> None:
    sizes = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scroll_width, client_width = page.evaluate(sizes)
    assert scroll_width <= client_width
