"""Everything by keyboard: where Tab leads, what Escape closes, and where the focus is afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Talk
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

NARROW = {"viewport": {"width": 390, "height": 800}}


def tab_to(page: Page, target: Locator, *, key: str = "Tab") -> None:
    """Fails if a hundred presses do not lead there."""
    for _ in range(100):
        page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{key} never leads to {target}")


def test_a_conversation_by_keyboard(chat: Chat) -> None:
    page = chat.page
    expect(chat.composer).to_be_focused()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    chat.expect_status("complete")
    expect(chat.composer).to_be_focused()
    regenerate = chat.answer.get_by_role("button", name="Regenerate")
    tab_to(page, regenerate, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(chat.answer).to_contain_text("2/2")
    chat.expect_status("complete")
    tab_to(page, chat.composer)

    edit = chat.questions.first.get_by_role("link", name="Edit")
    tab_to(page, edit, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(chat.composer).to_be_focused()
    expect(chat.composer).to_have_value("Hello")
    page.keyboard.press("Escape")
    expect(chat.composer).to_have_value("")
    expect(page.get_by_text("You are editing an earlier message.")).to_be_hidden()


def test_the_first_tab_skips_to_the_message_box(chat: Chat) -> None:
    chat.ask("Hello")
    chat.page.reload()
    chat.composer.blur()
    skip = chat.page.get_by_role("link", name="Skip to the message box")
    tab_to(chat.page, skip, key="Shift+Tab")
    expect(skip).to_be_in_viewport()
    chat.page.keyboard.press("Enter")
    expect(chat.composer).to_be_focused()


def test_menus_of_the_sidebar(chat: Chat) -> None:
    chat.ask("Hello")
    page = chat.page
    row = chat.conversations.first
    more = row.get_by_role("button", name="Actions")
    menu = page.get_by_role("dialog")
    tab_to(page, more, key="Shift+Tab")
    page.keyboard.press("Enter")
    rename = menu.locator("summary", has_text="Rename")
    expect(rename).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(more).to_be_focused()

    page.keyboard.press("Space")
    expect(rename).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, menu.get_by_label("Title"))
    page.keyboard.press("Control+a")
    page.keyboard.type("Greetings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Greetings", level=1)).to_be_visible()
    expect(more).to_be_focused()

    chat.open("/")
    tab_to(page, more, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(rename).to_be_focused()
    tab_to(page, menu.get_by_role("button", name="Delete"))
    page.keyboard.press("Enter")
    expect(chat.conversations).to_have_count(0)
    undo = page.get_by_role("button", name="Undo")
    tab_to(page, undo)
    page.keyboard.press("Enter")
    expect(chat.conversations).to_have_count(1)
    expect(row.get_by_role("link", name="Greetings")).to_be_focused()

    account = page.locator(".account-menu summary")
    tab_to(page, account)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Settings")).to_be_hidden()
    expect(account).to_be_focused()


def test_a_folder_of_the_sidebar(chat: Chat) -> None:
    chat.until_whole()
    page = chat.ask("Hello").page
    page.get_by_role("button", name="Actions").click()
    menu = page.get_by_role("dialog")
    menu.get_by_text("Move to folder").click()
    menu.get_by_label("New folder").fill("Work")
    page.keyboard.press("Enter")
    expect(menu).to_be_hidden()
    folder = page.locator("details.folder > summary")
    tab_to(page, folder, key="Shift+Tab")
    for is_open in (True, False):
        page.keyboard.press("Enter")
        expect(chat.conversations).to_have_count(1 if is_open else 0)
        expect(folder).to_be_focused()


def test_escape_in_a_menu_does_not_stop_the_answer(chat: Chat, upstream: Upstream) -> None:
    chat.until_whole()
    upstream.play(Script("gated", ("Begun", " and ended")))
    chat.send("Hello").expect_status("running").expect_words("Begun")
    chat.page.locator(".account-menu summary").click()
    chat.page.keyboard.press("Escape")
    expect(chat.page.get_by_role("link", name="Settings")).to_be_hidden()
    upstream.release()
    chat.expect_status("complete").expect_words("and ended")


def test_the_drawer_of_a_narrow_window(talk: Talk) -> None:
    chat = talk(**NARROW)
    page = chat.page
    opener = page.get_by_role("link", name="Open the sidebar")
    new_chat = page.locator("#sidebar").get_by_role("link", name="New chat")
    expect(new_chat).not_to_be_in_viewport()
    tab_to(page, opener, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(new_chat).to_be_in_viewport()
    expect(page.get_by_role("link", name="Close the sidebar")).to_be_focused()
    page.keyboard.press("Escape")
    expect(new_chat).not_to_be_in_viewport()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(new_chat).to_be_in_viewport()
    page.go_back()
    expect(new_chat).not_to_be_in_viewport()


def test_stop_and_send_keep_the_focus(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Begun", " and ended")))
    chat.page.keyboard.type("Hello")
    tab_to(chat.page, chat.send_button)
    chat.page.keyboard.press("Enter")
    chat.expect_status("running").expect_words("Begun")
    expect(chat.stop_button).to_be_focused()
    chat.page.keyboard.press("Enter")
    chat.expect_status("stopped")
    expect(chat.send_button).to_be_focused()
