"""Habits of the shell, by their numbers: the theme, and the telephone in one's hand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FloatRect, Page, expect

from tests.browser.chat import CONVERSATION, Chat, until_whole
from tests.browser.people import Complaints, Open, Person, Talk
from tests.processes import Site
from tests.upstream import Upstream

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


# --- A telephone -----------------------------------------------------------------------------------------------------

PHONE = {
    "has_touch": True,
    "is_mobile": True,
    "viewport": {"width": 390, "height": 760},
    "user_agent": "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36",
}
# A stand-in for Safari's, whose keyboard covers the page; the test says how much of it.
COVERED = """
const viewport = Object.assign(new EventTarget(), { height: innerHeight, offsetTop: 0, scale: 1 });
Object.defineProperty(window, "visualViewport", { value: viewport });
"""
COVER = """pixels => {
  visualViewport.height = innerHeight - pixels;
  visualViewport.dispatchEvent(new Event("resize"));
}"""
SMALL_TARGETS = """least => [...document.querySelectorAll("a[href], button, summary, select, input, textarea")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: false }))
  .filter((element) => !element.closest("p, .message-body, .visually-hidden, .skip-link, .veil"))
  .map((element) => (/checkbox|radio/.test(element.type) && element.labels[0]) || element)
  .map((element) => [element, element.getBoundingClientRect()])
  .filter(([element, { width, height }]) => Math.min(width, height) < least && width && height)
  .map(([element, { width, height }]) => `${element.outerHTML.slice(0, 120)} ${width}x${height}`)"""
SMALL_LETTERS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((element) => parseFloat(getComputedStyle(element).fontSize) < 16)
  .map((element) => element.outerHTML.slice(0, 120))"""


def tap_to_ask(chat: Chat, text: str) -> None:
    """Enter begins a new line on a telephone."""
    chat.composer.fill(text)
    chat.send_button.tap()
    chat.expect_status("complete")


def bottom(box: FloatRect | None) -> float:
    assert box
    return box["y"] + box["height"]


def test_habit_49_the_composer_stays_above_the_keyboard(talk: Talk) -> None:
    """Where the keyboard shrinks the page, and where it covers it."""
    chat = talk(**PHONE)
    page = chat.page
    content = page.locator("meta[name=viewport]").get_attribute("content") or ""
    assert "interactive-widget=resizes-content" in content
    assert "viewport-fit=cover" in content
    assert "user-scalable" not in content
    tap_to_ask(chat, "Hello")
    page.set_viewport_size({"width": 390, "height": 420})
    expect(chat.send_button).to_be_in_viewport(ratio=1)
    assert bottom(chat.send_button.bounding_box()) <= 420

    page.add_init_script(COVERED)
    page.set_viewport_size({"width": 390, "height": 760})
    page.reload()
    chat.composer.tap()
    expect(page.locator("[data-draft]")).to_be_visible()
    until_whole(page)
    page.evaluate(COVER, 340)
    assert bottom(chat.send_button.bounding_box()) <= 420
    page.evaluate(COVER, 0)
    assert bottom(chat.send_button.bounding_box()) > 600


def test_habit_49_no_zoom_and_no_keyboard_before_one_asks(talk: Talk) -> None:
    chat = talk(**PHONE)
    page = chat.page
    expect(page.locator("chat-composer:defined")).to_be_visible()
    until_whole(page)
    expect(chat.composer).not_to_be_focused()
    for path in ("/", "/settings/profile/", "/settings/appearance/", "/presets/"):
        chat.open(path)
        assert page.evaluate(SMALL_LETTERS) == []


def test_habit_49_everything_is_large_enough_for_a_thumb(talk: Talk) -> None:
    chat = talk(**PHONE)
    page = chat.page
    tap_to_ask(chat, "```python\nprint('Hello')\n```")
    assert page.evaluate(SMALL_TARGETS, 44) == []
    page.get_by_role("link", name="Open the sidebar").tap()
    expect(page.get_by_role("link", name="Close the sidebar")).to_be_focused()
    page.locator(".account-menu summary").tap()
    assert page.evaluate(SMALL_TARGETS, 44) == []
    for name in ("profile", "appearance", "sessions", "keys"):
        chat.open(f"/settings/{name}/")
        assert page.evaluate(SMALL_TARGETS, 44) == []


def test_habit_49_the_drawer_closes_by_a_tap_beside_it(talk: Talk) -> None:
    page = talk(**PHONE).page
    page.get_by_role("link", name="Open the sidebar").tap()
    new_chat = page.locator("#sidebar").get_by_role("link", name="New chat")
    expect(new_chat).to_be_in_viewport()
    page.touchscreen.tap(375, 400)
    expect(new_chat).not_to_be_in_viewport()


def test_habit_49_safe_areas_are_kept_free(talk: Talk) -> None:
    """Bars and dock ask for the insets that a cut-out or a home indicator needs."""
    page = talk(**PHONE).page
    rules = page.evaluate(
        "() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])"
        ".map((rule) => rule.cssText).join('')"
    )
    for part in ("sidebar", "topbar", "dock"):
        assert re.search(rf"\.{part} \{{[^}}]*safe-area-inset", rules), part


# --- Keys ------------------------------------------------------------------------------------------------------------


def with_shortcuts(chat: Chat) -> Chat:
    """They are loaded when the page is idle; opening their list tells that they are there."""
    dialog = chat.page.get_by_role("dialog", name="Keyboard shortcuts")
    chat.until_whole()
    chat.page.keyboard.press("Control+/")
    expect(dialog.get_by_text("Copy the last answer")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return chat


def test_habit_43_shortcuts_are_those_of_chatgpt(talk: Talk, upstream: Upstream) -> None:
    chat = talk(permissions=["clipboard-read", "clipboard-write"])
    page, keys = chat.page, chat.page.keyboard
    read = "navigator.clipboard.readText()"
    upstream.say("Look:\n\n```python\nprint('hi')\n```\n")
    chat.ask("Show me")
    with_shortcuts(chat)
    expect(chat.composer).to_be_focused()
    chat.composer.blur()
    keys.press("Shift+Escape")
    expect(chat.composer).to_be_focused()
    keys.press("Control+Shift+;")
    expect(chat.body.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate(read).strip() == "print('hi')"
    keys.press("Control+Shift+C")
    expect(chat.answer.locator("footer").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate(read).startswith("Look:\n\n```python")
    chat.composer.focus()
    for is_shown in (False, True):
        keys.press("Control+Shift+S")
        expect(page.locator("#sidebar")).to_be_visible(visible=is_shown)
        expect(chat.composer).to_be_focused()

    title = page.get_by_role("heading", level=1)
    keys.press("Shift+Escape")
    keys.type("half a thought")
    keys.press("Control+Shift+Backspace")
    expect(title).to_have_text("Show me")
    chat.composer.fill("")
    keys.press("Control+Shift+Backspace")
    expect(page.get_by_text("The conversation has been deleted.")).to_be_visible()
    expect(page).to_have_url(f"{chat.site}/")
    chat.until_whole().ask("Another")
    with_shortcuts(chat)
    keys.press("Control+Shift+O")
    expect(page).to_have_url(f"{chat.site}/")


def test_habit_43_shortcuts_do_not_disturb_typing(chat: Chat) -> None:
    page = with_shortcuts(chat).page
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    press = """(area, more) => area.dispatchEvent(new KeyboardEvent(
      "keydown", {key: "/", ctrlKey: true, bubbles: true, cancelable: true, ...more}))"""
    for more in ({"isComposing": True}, {"keyCode": 229}, {"altKey": True}):
        assert chat.composer.evaluate(press, more)
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    page.locator("main > input").focus()
    page.keyboard.press("Control+/")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Shift+Escape")
    expect(chat.composer).not_to_be_focused()


def test_habit_43_shortcuts_can_be_switched_off(ann: Person, open_browser: Open) -> None:
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/settings/appearance/")
    page.get_by_label("keyboard shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    page.goto(f"{ann.url}/shortcuts/")
    expect(page.get_by_text("switched off in your settings")).to_be_visible()
    page = Chat(open_browser(ann), ann.url).open().page
    until_whole(page)
    search = page.get_by_role("link", name="Search")
    expect(search).not_to_have_attribute("aria-keyshortcuts", re.compile("K"))
    search.click()
    palette = page.get_by_role("dialog", name="Search and actions")
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    press = """(key) => document.activeElement.dispatchEvent(new KeyboardEvent(
      "keydown", {key, ctrlKey: true, bubbles: true, cancelable: true}))"""
    for key in ("k", "/"):
        assert page.evaluate(press, key), "the key is not left to the browser"
    expect(palette).to_be_hidden()


# --- Addresses -------------------------------------------------------------------------------------------------------


def test_habit_34_the_address_comes_with_the_first_message(
    chat: Chat, site: Site, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect("404")
    chat.page.evaluate("window.isSamePage = true")
    chat.ask("Hello")
    path = chat.path
    assert CONVERSATION.search(path)
    assert chat.page.evaluate("window.isSamePage")
    chat.page.go_back()
    expect(chat.page).to_have_url(f"{chat.site}/")
    expect(chat.page.get_by_text("What can I help with?")).to_be_visible()
    chat.page.wait_for_load_state()
    chat.page.go_forward()
    chat.expect_words("Hello")
    assert chat.path == path
    stranger = open_browser(Person(site))
    reply = stranger.goto(chat.page.url)
    assert reply is not None
    assert reply.status == 404


def test_habit_39_a_new_chat_creates_nothing(chat: Chat) -> None:
    chat.composer.fill("Not sent")
    for _ in range(2):
        chat.open()
        expect(chat.conversations).to_have_count(0)
    expect(chat.composer).to_have_value("Not sent")
    chat.ask("Sent")
    expect(chat.conversations).to_have_count(1)


def test_habit_35_a_title_comes_at_once_and_a_given_one_stays(ann: Person, chat: Chat) -> None:
    chat.ask("Plan a trip\nto Rome")
    title = chat.page.get_by_role("heading", level=1)
    expect(title).to_have_text("Plan a trip")
    expect(chat.conversations.first).to_contain_text("Plan a trip")
    with ann.visitor() as visitor:
        assert visitor.post(f"{chat.path}rename/", {"title": "Holidays"}).status_code == 200
    chat.page.reload()
    chat.ask("And to Paris")
    expect(title).to_have_text("Holidays")
    expect(chat.conversations.first).to_contain_text("Holidays")
