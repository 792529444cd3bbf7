"""A slow line or a slow computer: who does not wait for the page keeps the words and the place."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import Chat
from tests.browser.people import Person, Talk
from tests.browser.test_outbox import wait_until_held
from tests.browser.test_sidebar import begin, menu_of
from tests.upstream import Upstream

pytestmark = pytest.mark.browser


def hold(chat: Chat, address: str) -> list[Route]:
    """Requests for it wait."""
    held: list[Route] = []
    chat.page.route(address, lambda route: held.append(route))
    return held


def let_go(chat: Chat, held: list[Route]) -> None:
    wait_until_held(chat, held)
    while held:
        held.pop().continue_()


# --- Before the scripts are there ------------------------------------------------------------------------------------


def test_what_is_begun_before_the_script_is_there_goes_on_in_its_place(
    ann: Person, chat: Chat
) -> None:
    own = {"name": "Poet", "instruction": "Rhyme about {{topic}} and {{season}}."}
    with ann.visitor() as visitor:
        turns = {"turns-TOTAL_FORMS": "0", "turns-INITIAL_FORMS": "0"}
        key = visitor.submit("/presets/new/", {**own, **turns}).url.path.split("/")[2]
    page, keys = chat.page, chat.page.keyboard
    chat.composer.fill("A draft")
    held = hold(chat, "**/composer.*.js")

    def open_without_script(path: str) -> None:
        page.goto(chat.site + path, wait_until="commit")

    def let_the_script_come() -> None:
        let_go(chat, held)
        page.wait_for_load_state()

    open_without_script("/")
    expect(chat.composer).to_be_focused()
    keys.type("Hel")
    let_the_script_come()
    keys.type("lo")
    expect(chat.composer).to_have_value("Hello\n\nA draft")

    open_without_script(f"/?preset={key}")
    topic = page.get_by_role("textbox", name="topic", exact=True)
    expect(topic).to_be_focused()
    keys.type("win")
    let_the_script_come()
    keys.type("ter")
    expect(topic).to_have_value("winter")
    expect(chat.composer).to_have_value("Hello\n\nA draft")

    open_without_script("/")
    page.get_by_role("link", name="Search").focus()
    let_the_script_come()
    expect(page.get_by_role("link", name="Search")).to_be_focused()


def test_a_drawer_that_is_opened_before_its_script_is_there(talk: Talk) -> None:
    chat = talk(viewport={"width": 390, "height": 800})
    page = chat.page
    held = hold(chat, "**/sidebar.*.js")
    chat.open()
    opener = page.get_by_role("link", name="Open the sidebar")
    opener.click()
    expect(page.locator("#sidebar").get_by_role("link", name="New chat")).to_be_in_viewport()
    let_go(chat, held)
    expect(page.get_by_role("link", name="Close the sidebar")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#sidebar")).to_be_hidden()
    expect(opener).to_be_focused()


# --- While the server is asked ---------------------------------------------------------------------------------------


def test_who_writes_while_a_button_waits_goes_on_writing(chat: Chat, upstream: Upstream) -> None:
    chat.ask("First")
    held = hold(chat, "**/regenerate/")
    chat.act("Regenerate")
    wait_until_held(chat, held)
    chat.composer.focus()
    chat.page.keyboard.type("A tho")
    upstream.say("Another answer")
    let_go(chat, held)
    expect(chat.answer).to_contain_text("2/2")
    chat.page.keyboard.type("ught")
    chat.expect_words("Another answer").expect_status("complete")
    expect(chat.composer).to_have_value("A thought")


def test_who_writes_while_the_sidebar_learns_a_new_title_goes_on_writing(
    ann: Person, chat: Chat
) -> None:
    begin(ann, "Hot drinks")
    page = chat.open().page
    menu = menu_of(chat.conversations.first)
    menu.get_by_text("Rename").click()
    menu.get_by_label("Title").fill("Cold drinks")
    held = hold(chat, "**/conversations/list/")
    menu.get_by_role("button", name="Save").click()
    wait_until_held(chat, held)
    chat.composer.focus()
    page.keyboard.type("A tho")
    with page.expect_response("**/conversations/list/"):
        let_go(chat, held)
    expect(chat.conversations.first).to_contain_text("Cold drinks")
    page.keyboard.type("ught")
    expect(chat.composer).to_have_value("A thought")
