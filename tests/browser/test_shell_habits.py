"""Habits of the shell, by their numbers: the theme, and the telephone in one's hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Open, Person, Talk

pytestmark = pytest.mark.browser

PAPER = {"light": "rgb(250, 248, 244)", "dark": "rgb(27, 26, 24)"}
GROUND = """() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, 1, 1);
  return `rgb(${[...context.getImageData(0, 0, 1, 1).data].slice(0, 3).join(", ")})`;
}"""


def ground(page: Page) -> str:
    """The colour behind everything, as bytes."""
    colour: str = page.evaluate(GROUND)
    return colour


def test_habit_45_theme_follows_the_system(talk: Talk) -> None:
    page = talk(color_scheme="dark").page
    assert ground(page) == PAPER["dark"]
    page.emulate_media(color_scheme="light")
    assert ground(page) == PAPER["light"]


def test_habit_45_a_chosen_theme_does_not_flash(ann: Person, open_browser: Open) -> None:
    """It is in the page that the server sends: no script has to run before the first paint."""
    page = open_browser(ann, color_scheme="light", java_script_enabled=False)
    page.goto(f"{ann.url}/settings/appearance/")
    page.get_by_label("Dark").check()
    page.get_by_label("High contrast").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    for path in ("/settings/appearance/", "/", "/presets/"):
        page.goto(ann.url + path)
        expect(page.locator("html")).to_have_css("color-scheme", "dark")
        expect(page.locator("html")).to_have_attribute("data-contrast", "more")
        expect(page.locator("meta[name=theme-color]")).to_have_attribute("content", "#1b1a18")
        assert page.locator("head link[rel=stylesheet]").count() == 1  # what paints waits for it
