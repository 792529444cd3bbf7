"""Every pair of colours that the stylesheets put together, computed in each light: text 4.5 to 1, edges 3 to 1.

In high contrast text has 7 to 1. A new colour that carries text belongs in the table.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.people import Open
from tests.processes import Site

pytestmark = pytest.mark.browser

GROUNDS = ("surface", "surface-raised", "surface-sunken", "surface-hover")
CODE = ("code-plum", "code-blue", "code-green", "code-rust", "code-grey")
TEXT = (
    *product(("text", "text-muted", "accent", "accent-strong", "danger", "warning"), GROUNDS),
    *product(("text", "text-muted", "accent"), ("accent-soft",)),
    *product(CODE, ("surface-sunken",)),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("danger", "danger-soft"),
    ("warning", "warning-soft"),
)
EDGES = (*product(("border-strong", "accent"), GROUNDS[:3]), ("accent", "accent-soft"))

MEASURE = """names => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const probe = document.body.appendChild(document.createElement("i"));
  return Object.fromEntries(names.map((name) => {
    probe.style.color = `var(--${name})`;
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    return [name, [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)];
  }));
}"""


def luminance(colour: list[int]) -> float:
    """Relative luminance of sRGB bytes, as WCAG defines it."""
    parts = [value / 255 for value in colour]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colours(page: Page) -> dict[str, list[int]]:
    names = sorted({name for pair in (*TEXT, *EDGES) for name in pair})
    found: dict[str, list[int]] = page.evaluate(MEASURE, names)
    return found


def too_close(page: Page, *, text: float) -> list[str]:
    found = colours(page)
    measured = [(*pair, contrast(*(found[name] for name in pair)), text) for pair in TEXT]
    measured += [(*pair, contrast(*(found[name] for name in pair)), 3.0) for pair in EDGES]
    return [
        f"{one} on {other}: {ratio:.2f}" for one, other, ratio, least in measured if ratio < least
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_pair_of_colours(site: Site, open_browser: Open, scheme: Any) -> None:
    page = open_browser(color_scheme=scheme)
    page.goto(f"{site.url}/accounts/login/")
    assert not too_close(page, text=4.5)
    by_device = colours(page)
    page.emulate_media(contrast="more")
    assert not too_close(page, text=7)
    strong = colours(page)

    # The same by a person's choice, against what the device asks for.
    page.emulate_media(
        contrast="no-preference", color_scheme="dark" if scheme == "light" else "light"
    )
    assert colours(page) != by_device
    page.locator("html").evaluate("(root, theme) => root.dataset.theme = theme", scheme)
    assert colours(page) == by_device
    page.locator("html").evaluate("root => root.dataset.contrast = 'more'")
    assert colours(page) == strong
