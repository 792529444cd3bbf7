"""The composer's manners: habits 1 to 6, 9 and 10 of docs/habits.md."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.people import Open, Person, Talk
from tests.processes import Site
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
DISPATCH = "(area, options) => area.dispatchEvent(new KeyboardEvent('keydown', options))"


def prefer(person: Person, **choices: str) -> None:
    """Change the person's settings, as the form does."""
    with person.visitor() as visitor:
        page = "/settings/appearance/"
        choices = {"theme": "system", "send_key": "enter", "shortcuts": "on", **choices}
        chosen = {name: value for name, value in choices.items() if value}
        assert visitor.submit(page, chosen).status_code == 200


def give(chat: Chat, event: str, *, target: str = "main", **data: Any) -> None:
    """Drop or paste a text, or a file of that name with that content."""
    chat.page.evaluate(
        """([selector, name, {text, file, content, type}]) => {
          const data = new DataTransfer();
          if (text) data.setData("text/plain", text);
          if (file) data.items.add(new File([content], file, {type}));
          const options = {bubbles: true, cancelable: true};
          const target = document.querySelector(selector);
          if (name === "paste") {
            target.dispatchEvent(new ClipboardEvent("paste", {...options, clipboardData: data}));
            return;
          }
          for (const each of ["dragover", "drop"]) {
            target.dispatchEvent(new DragEvent(each, {...options, dataTransfer: data}));
          }
        }""",
        [target, event, data],
    )


# --- Writing ---------------------------------------------------------------------------------------------------------


def test_habit_01_the_page_opens_with_the_cursor_in_the_input(chat: Chat) -> None:
    expect(chat.composer).to_be_focused()
    chat.page.keyboard.type("Hello")
    chat.page.keyboard.press("Enter")
    chat.expect_status("complete")
    expect(chat.composer).to_be_focused()
    chat.page.reload()
    expect(chat.composer).to_be_focused()


def test_habit_02_enter_sends_and_shift_enter_breaks_the_line(chat: Chat) -> None:
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("two")
    expect(chat.composer).to_have_value("one\ntwo")
    expect(chat.questions).to_have_count(0)
    chat.page.keyboard.press("Enter")
    expect(chat.questions.locator("[data-body]")).to_have_text(re.compile(r"one\s*two"))
    chat.expect_status("complete")


def test_habit_02_another_key_can_send(ann: Person, talk: Talk) -> None:
    prefer(ann, send_key="control-enter")
    chat = talk()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Enter")
    expect(chat.composer).to_have_value("one\n")
    expect(chat.composer).to_have_attribute("enterkeyhint", "enter")
    chat.page.keyboard.press("Control+Enter")
    chat.expect_status("complete")
    expect(chat.questions).to_have_count(1)


def test_habit_02_on_a_telephone_enter_makes_a_new_line(talk: Talk) -> None:
    chat = talk(**PHONE)
    chat.composer.tap()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Enter")
    expect(chat.composer).to_have_value("one\n")
    chat.send_button.tap()
    chat.expect_status("complete")


@pytest.mark.parametrize(
    "composing", [{"isComposing": True}, {"keyCode": 229}], ids=["flag", "229"]
)
def test_habit_03_enter_that_ends_a_composition_does_not_send(
    chat: Chat, composing: dict[str, object]
) -> None:
    chat.composer.fill("ni hao")
    options = {"key": "Enter", "bubbles": True, "cancelable": True, **composing}
    assert chat.composer.evaluate(DISPATCH, options)
    expect(chat.composer).to_have_value("ni hao")
    expect(chat.questions).to_have_count(0)
    chat.composer.press("Enter")
    chat.expect_status("complete")
    expect(chat.questions).to_have_count(1)


def test_habit_03_an_input_method_keeps_its_keys(chat: Chat) -> None:
    """A composition as Chromium has it from a real input method."""
    chat.ask("First")
    session = chat.page.context.new_cdp_session(chat.page)
    session.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    expect(chat.composer).to_have_value("ni")
    for key, code in (("ArrowUp", 38), ("Escape", 27), ("Enter", 13)):
        press = {"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
        session.send("Input.dispatchKeyEvent", press)
        session.send("Input.dispatchKeyEvent", {**press, "type": "keyUp"})
    session.send("Input.insertText", {"text": "你好"})
    expect(chat.composer).to_have_value("你好")
    expect(chat.questions).to_have_count(1)
    expect(chat.page.get_by_text("You are editing an earlier message.")).to_be_hidden()
    chat.page.keyboard.press("Enter")
    expect(chat.questions).to_have_count(2)
    chat.expect_status("complete").expect_words("你好")


def test_habit_04_nothing_cannot_be_sent(chat: Chat, upstream: Upstream) -> None:
    for text in ("", "  \n "):
        chat.composer.fill(text)
        chat.composer.press("Enter")
        chat.send_button.click()
        expect(chat.page).to_have_url(f"{chat.site}/")
    chat.ask("something")
    expect(chat.questions).to_have_count(1)
    assert len(upstream.chats) == 1


@pytest.mark.parametrize("is_old", [False, True], ids=["today", "without field-sizing"])
def test_habit_05_the_input_grows_to_a_third_and_then_scrolls(
    ann: Person, open_browser: Open, is_old: bool
) -> None:
    page = open_browser(ann)
    if is_old:
        page.add_init_script(
            "const known = CSS.supports; CSS.supports = (...words) => !words[0].startsWith('field')"
        )
    chat = Chat(page, ann.url).open()
    heights = "area => [area.offsetHeight, innerHeight, area.scrollHeight > area.clientHeight + 1]"
    empty, window, _ = chat.composer.evaluate(heights)
    chat.composer.fill("line\n" * 4)
    some, _, scrolls = chat.composer.evaluate(heights)
    assert empty < some < window / 3
    assert not scrolls
    chat.composer.fill("line\n" * 60)
    many, _, scrolls = chat.composer.evaluate(heights)
    assert window / 4 < many <= window / 3 + 1
    assert scrolls
    expect(chat.send_button).to_be_in_viewport()
    chat.composer.fill("")
    assert chat.composer.evaluate(heights)[0] == empty


def test_habit_09_text_can_be_dropped_anywhere(chat: Chat) -> None:
    chat.until_whole().composer.fill("Read this: ")
    give(chat, "drop", text="a dropped text")
    expect(chat.composer).to_have_value("Read this: a dropped text")
    chat.composer.fill("")
    give(chat, "drop", file="notes.md", content="# Notes\r\n你好", type="text/markdown")
    expect(chat.composer).to_have_value("# Notes\n你好")
    chat.composer.fill("")
    give(chat, "drop", file="long.txt", content="word " * 5_000, type="text/plain")
    expect(chat.composer).to_have_value("word " * 4_000)
    refusal = chat.page.locator("#composer-error")
    expect(refusal).to_contain_text("its beginning has been inserted")
    chat.composer.fill("")
    give(chat, "drop", file="picture.png", content="\0PNG", type="image/png")
    expect(refusal).to_have_text(
        "Files cannot be attached here; only the text in them can be used."
    )
    expect(chat.composer).to_have_value("")
    give(chat, "paste", target="textarea", file="code.py", content="print(1)", type="")
    expect(chat.composer).to_have_value("print(1)")


def test_habit_10_arrow_up_edits_the_last_message(chat: Chat, upstream: Upstream) -> None:
    for text in ("One", "Two\n  and more"):
        chat.ask(text)
    page = chat.page
    page.keyboard.press("ArrowUp")
    expect(page.get_by_text("You are editing an earlier message.")).to_be_visible()
    expect(chat.composer).to_have_value("Two\n  and more")
    page.keyboard.press("Escape")
    expect(chat.composer).to_have_value("")
    page.keyboard.type("not empty")
    page.keyboard.press("ArrowUp")
    expect(chat.composer).to_have_value("not empty")
    chat.composer.fill("")
    page.keyboard.press("ArrowUp")
    chat.composer.fill("Three")
    page.keyboard.press("Enter")
    expect(chat.questions.last).to_contain_text("2/2")
    chat.expect_status("complete").expect_words("Three")
    expect(chat.questions).to_have_count(2)


# --- Drafts ----------------------------------------------------------------------------------------------------------


def test_habit_06_drafts_survive_reloads_and_other_chats(chat: Chat) -> None:
    chat.page.keyboard.type("For a new chat")
    chat.page.reload()
    expect(chat.composer).to_have_value("For a new chat")
    chat.composer.press("Enter")
    chat.expect_status("complete")
    first = chat.path
    chat.page.keyboard.type("For the first chat")
    chat.open()
    expect(chat.composer).to_have_value("")
    chat.page.keyboard.type("For the next")
    chat.open(first)
    expect(chat.composer).to_have_value("For the first chat")
    chat.open()
    expect(chat.composer).to_have_value("For the next")


def test_habit_06_an_edit_is_kept_and_does_not_cost_the_draft(chat: Chat) -> None:
    chat.ask("Hello")
    chat.composer.fill("A draft")
    chat.questions.get_by_role("link", name="Edit").click()
    expect(chat.composer).to_have_value("Hello")
    chat.page.keyboard.type(", once more")
    chat.page.reload()
    expect(chat.page.get_by_text("You are editing an earlier message.")).to_be_visible()
    expect(chat.composer).to_have_value("Hello, once more")
    chat.composer.press("Escape")
    expect(chat.composer).to_have_value("A draft")
    chat.page.reload()
    expect(chat.composer).to_have_value("A draft")
    expect(chat.page.get_by_text("You are editing an earlier message.")).to_be_hidden()


def test_habit_06_two_tabs_keep_their_own_words(chat: Chat) -> None:
    chat.composer.fill("Mine")
    other = Chat(chat.page.context.new_page(), chat.site).open()
    expect(other.composer).to_have_value("Mine")
    other.composer.fill("Theirs")
    chat.page.reload()
    expect(chat.composer).to_have_value("Mine")
    other.page.reload()
    expect(other.composer).to_have_value("Theirs")
    # What is sent in one tab is not left in the other to be sent again.
    chat.composer.fill("Theirs")
    chat.ask("Theirs")
    expect(other.composer).to_have_value("")


def test_habit_06_another_persons_draft_is_not_shown(chat: Chat, site: Site) -> None:
    chat.composer.fill("A secret")
    chat.page.context.clear_cookies()
    chat.page.context.add_cookies(Person(site).cookies)
    chat.open()
    expect(chat.composer).to_have_value("")
