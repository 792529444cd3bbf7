"""Ctrl+K: conversations by title, presets and actions, by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person
from tests.browser.test_shell_habits import with_shortcuts
from tests.browser.test_sidebar import UNREACHABLE, begin

pytestmark = pytest.mark.browser


def opened(page: Page) -> Locator:
    expect(page.locator(".row-more[role]").first).to_be_attached()  # the script is there
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search conversations")
    expect(box).to_be_focused()
    return box


def test_habit_38_a_conversation_is_found_by_title(ann: Person, chat: Chat) -> None:
    paths = begin(ann, "Hot drinks", "Cold drinks")
    page = chat.open().page
    opened(page)
    page.keyboard.type("hot dri")
    options = page.get_by_role("dialog").get_by_role("option")
    expect(options).to_have_text(["Hot drinks"])
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(ann.url + paths[0])


def test_arrows_go_round_and_escape_closes(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks")
    page = chat.open().page
    box = opened(page)
    options = page.get_by_role("dialog").get_by_role("option")
    expect(options.first).to_have_text("Hot drinks")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    active = box.get_attribute("aria-activedescendant")
    assert active == options.last.get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("nothing like this")
    expect(page.get_by_text("Nothing was found.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(chat.composer).to_be_focused()


def test_enter_waits_for_the_answer_to_what_was_typed(ann: Person, chat: Chat) -> None:
    hot, _soup = begin(ann, "Hot drinks", "Soup")
    page = chat.open().page
    opened(page)
    page.keyboard.type("soup")
    expect(page.get_by_role("dialog").get_by_role("option")).to_have_text(["Soup"])
    page.keyboard.press("Control+a")
    page.keyboard.type("hot")
    page.keyboard.press("Enter")
    expect(page).to_have_url(ann.url + hot)


def test_what_one_has_moved_to_stays_marked_when_the_answer_comes(ann: Person, chat: Chat) -> None:
    begin(ann, "Soup, hot", "Soup, cold")
    page = chat.open().page
    opened(page)
    options = page.get_by_role("dialog").get_by_role("option", name="Soup")
    expect(options).to_have_count(2)

    def move_first(route: Route) -> None:
        page.keyboard.press("ArrowDown")
        route.continue_()

    page.route("**/*q=soup", move_first)
    with page.expect_response("**/*q=soup"):
        page.keyboard.type("soup")
    expect(options).to_have_text(["Soup, cold", "Soup, hot"])
    expect(options.last).to_have_attribute("aria-selected", "true")


def test_without_a_connection_the_palette_says_so(
    ann: Person, chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    begin(ann, "Hot drinks")
    page = chat.open().page
    opened(page)
    page.context.set_offline(True)
    page.keyboard.type("hot")
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text(UNREACHABLE)


def test_half_a_word_of_an_input_method_is_no_question(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks")
    page = chat.open().page
    box = opened(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    expect(box).to_have_value("ni")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not any("q=ni" in url for url in asked)
    session.send("Input.insertText", {"text": "你"})
    expect(page.get_by_text("Nothing was found.")).to_be_visible()


def test_actions_on_the_open_conversation(ann: Person, chat: Chat) -> None:
    (path,) = begin(ann, "Hot drinks")
    page = chat.open(path).page
    opened(page)
    page.keyboard.type("archive this")
    option = page.get_by_role("dialog").get_by_role("option", name="Archive this conversation")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The conversation has been archived.")).to_be_visible()
    expect(chat.conversations).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(chat.conversations).to_have_count(1)


def test_deleting_by_keyboard_without_a_connection_is_said_and_keeps_the_page(
    ann: Person, chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    (path,) = begin(ann, "Hot drinks")
    page = with_shortcuts(chat.open(path)).page
    error = page.locator("#composer-error")
    page.context.set_offline(True)
    page.keyboard.press("Control+k")
    expect(error).to_have_text(UNREACHABLE)
    page.context.set_offline(False)
    opened(page)
    page.keyboard.type("delete this")
    option = page.get_by_role("dialog").get_by_role("option", name="Delete this conversation")
    expect(option).to_have_attribute("aria-selected", "true")
    page.context.set_offline(True)
    for key in ("Enter", "Control+Shift+Backspace"):
        with page.expect_event("requestfailed"):
            page.keyboard.press(key)
        expect(error).to_have_text(UNREACHABLE)
    page.context.set_offline(False)
    page.keyboard.press("Control+Shift+Backspace")
    expect(page.get_by_text("The conversation has been deleted.")).to_be_visible()


@looks
def test_the_palette_is_accessible(ann: Person, open_browser: Open, look: Look) -> None:
    begin(ann, "Hot drinks")
    page = Chat(open_browser(ann, **look.options), ann.url).open().page
    opened(page)
    expect(page.get_by_role("dialog").get_by_role("option", name="Hot drinks")).to_be_visible()
    check(page)
