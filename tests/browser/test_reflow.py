"""Pages bent by their readers: zoomed, respaced, in the system's own colours, without motion, from right to left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.looks import check, expect_no_overflow
from tests.browser.people import Talk
from tests.browser.test_accessibility import RICH
from tests.browser.test_shell_habits import SMALL_TARGETS
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

# What WCAG 1.4.12 says a reader may ask for. A sheet made by script is no inline style.
SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; } p { margin-block-end: 2em !important; }`);
  document.adoptedStyleSheets.push(sheet);
}"""
# Text that its box cuts off from above or below. One line that ends in an ellipsis is meant to.
CLIPPED = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .filter((element) => getComputedStyle(element).overflowY === "hidden" && element.textContent.trim())
  .filter((element) => !element.closest(".visually-hidden, select, option"))
  .filter((element) => element.scrollHeight > element.clientHeight + 1)
  .map((element) => element.outerHTML.slice(0, 150))"""
RIGHT_TO_LEFT = "root => { root.dir = 'rtl'; }"
TRICK = "\u202egnp.exe \u2067שלום \u2066abc"


@pytest.fixture
def rich(talk: Talk, upstream: Upstream) -> Chat:
    """A wide window with an answer that has everything in it."""
    chat = talk(viewport={"width": 1280, "height": 1024}, reduced_motion="reduce")
    upstream.play(Script("answer", (RICH,)))
    return chat.ask("Show me everything")


def set_size(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})


def test_zoom_of_200_and_400_per_cent(rich: Chat) -> None:
    """1280 by 1024 seen twice and four times as large; the composer can still be reached and used."""
    for path in (rich.path, "/", "/settings/appearance/", "/presets/"):
        rich.open(path)
        for factor in (2, 4):
            set_size(rich.page, 1280 // factor, 1024 // factor)
            expect_no_overflow(rich.page)
    rich.open("/")
    rich.composer.fill("Still here")
    rich.send_button.scroll_into_view_if_needed()
    expect(rich.send_button).to_be_in_viewport(ratio=1)


def test_more_space_between_letters_cuts_nothing_off(rich: Chat) -> None:
    for width in (1280, 320):
        set_size(rich.page, width, 800)
        for path in (rich.path, "/", "/settings/appearance/", "/presets/"):
            rich.open(path)
            rich.page.evaluate(SPACING)
            assert rich.page.evaluate(CLIPPED) == []
            expect_no_overflow(rich.page)


def test_the_systems_own_colours(rich: Chat) -> None:
    page = rich.page
    page.emulate_media(forced_colors="active")
    check(page)
    expect(rich.questions.locator(".message-body")).to_have_css("border-style", "solid")
    for path in ("/", "/settings/appearance/"):
        rich.open(path)
        check(page)


def test_nothing_moves_for_those_who_ask(talk: Talk, upstream: Upstream) -> None:
    chat = talk(reduced_motion="reduce", viewport={"width": 390, "height": 800})
    upstream.play(Script.parse("gated headers=1", "Words"))
    chat.send("Hello").expect_status("running")
    chat.page.get_by_role("link", name="Open the sidebar").click()
    assert chat.page.evaluate("document.getAnimations().length") == 0


def test_every_target_is_large_enough_for_a_mouse(rich: Chat) -> None:
    paths = ("appearance", "sessions", "keys")
    for path in (rich.path, *(f"/settings/{name}/" for name in paths), "/presets/"):
        rich.open(path)
        assert rich.page.evaluate(SMALL_TARGETS, 24) == []


@pytest.mark.parametrize("width", [1280, 360])
def test_from_right_to_left(rich: Chat, width: int) -> None:
    page = rich.page
    set_size(page, width, 800)
    for path in (rich.path, "/", "/settings/appearance/", "/presets/"):
        rich.open(path)
        page.locator("html").evaluate(RIGHT_TO_LEFT)
        expect_no_overflow(page)
    rich.open("/")
    page.locator("html").evaluate(RIGHT_TO_LEFT)
    if width < 960:
        page.get_by_role("link", name="Open the sidebar").click()
    sidebar = page.locator("#sidebar")
    expect(sidebar.get_by_role("link", name="New chat")).to_be_in_viewport()
    box = sidebar.bounding_box()
    assert box
    assert box["x"] + box["width"] == width


def test_tricks_with_directions_stay_in_their_title(chat: Chat) -> None:
    """Each title is isolated: an override that is never closed turns nothing beside it around."""
    chat.ask(TRICK)
    chat.page.reload()
    titles = (
        chat.page.get_by_role("heading", level=1),
        chat.conversations.get_by_role("link").first,
        chat.questions.locator("[data-body]"),
    )
    for title in titles:
        assert title.evaluate("e => getComputedStyle(e).unicodeBidi") in {"isolate", "plaintext"}
    expect_no_overflow(chat.page)
    name = chat.page.locator(".account-menu bdi")
    assert name.evaluate("e => getComputedStyle(e).direction") == "ltr"
