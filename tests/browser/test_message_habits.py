"""What can be done with a message: habits 26 to 33 of docs/habits.md."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.looks import expect_no_overflow
from tests.browser.people import Talk
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
READ = "navigator.clipboard.readText()"
LINE = f"print({', '.join(str(number) for number in range(100))})"
CODE = f"Look:\n\n```python\n{LINE}\n```\n"


def texts(chat: Chat) -> list[str]:
    """The messages as shown, their first lines."""
    bodies = chat.page.locator("article [data-body]").all_inner_texts()
    return [text.strip().split("\n")[0] for text in bodies]


def edit(chat: Chat, question: Locator, text: str) -> None:
    question.get_by_role("link", name="Edit").click()
    expect(chat.composer).to_be_focused()
    chat.send(text)


def test_habit_26_an_answer_can_be_copied_regenerated_and_rated(
    talk: Talk, upstream: Upstream
) -> None:
    chat = talk(**CLIPBOARD)
    upstream.say("An **answer** in Markdown.")
    chat.ask("Hello")
    for name in ("Copy", "Regenerate", "Good answer", "Bad answer", "Branch in new chat"):
        expect(chat.answer.get_by_role("button", name=name, exact=True)).to_be_visible()
    chat.act("Copy")
    expect(chat.answer.get_by_role("button", name="Copied")).to_be_visible()
    assert chat.page.evaluate(READ) == "An **answer** in Markdown."

    good = chat.answer.get_by_role("button", name="Good answer")
    bad = chat.answer.get_by_role("button", name="Bad answer")
    pressed = "aria-pressed"
    good.click()
    expect(good).to_have_attribute(pressed, "true")
    bad.click()
    expect(bad).to_have_attribute(pressed, "true")
    expect(good).to_have_attribute(pressed, "false")
    chat.page.reload()
    expect(bad).to_have_attribute(pressed, "true")
    bad.click()
    expect(bad).to_have_attribute(pressed, "false")


def test_the_first_copy_reaches_the_clipboard_inside_the_click(
    chat: Chat, upstream: Upstream
) -> None:
    """Where nothing else may: Safari has forgotten the press once something has been loaded."""
    upstream.say("An answer.")
    chat.ask("Hello")
    chat.page.reload()
    chat.until_whole()
    copy = chat.answer.get_by_role("button", name="Copy")
    expect(copy).to_be_visible()
    assert copy.evaluate(
        """button => {
          let isAsked = false;
          navigator.clipboard.write = async () => { isAsked = true; };
          button.click();
          return isAsked;
        }"""
    )
    expect(chat.answer.get_by_role("button", name="Copied")).to_be_visible()


def test_habit_27_code_has_a_language_copy_and_wrapping(talk: Talk, upstream: Upstream) -> None:
    chat = talk(**CLIPBOARD)
    upstream.say(CODE)
    chat.ask("Show me")
    block = chat.body.locator(".code-block")
    expect(block.locator(".code-language")).to_have_text("python", ignore_case=True)
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button", name="Copied")).to_be_visible()
    assert chat.page.evaluate(READ).strip() == LINE
    scrolls = "pre => pre.scrollWidth > pre.clientWidth"
    assert block.locator("pre").evaluate(scrolls)
    wrap = block.get_by_role("button", name="Wrap lines")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    assert not block.locator("pre").evaluate(scrolls)
    wrap.click()
    assert block.locator("pre").evaluate(scrolls)


def test_habit_28_regenerating_keeps_the_old_answer(chat: Chat, upstream: Upstream) -> None:
    upstream.say("The first")
    chat.ask("Hello")
    upstream.say("The second")
    chat.act("Regenerate")
    chat.expect_words("The second").expect_status("complete")
    expect(chat.answer).to_contain_text("2/2")
    chat.act("Previous version")
    chat.expect_words("The first")
    expect(chat.answer).to_contain_text("1/2")
    expect(chat.answer.get_by_role("button", name="Previous version")).to_be_disabled()
    chat.act("Next version")
    chat.expect_words("The second")


def test_habit_29_editing_makes_a_branch_and_leaves_the_old_one(
    chat: Chat, upstream: Upstream
) -> None:
    upstream.say("About tea")
    chat.ask("Tea")
    upstream.say("About cocoa")
    edit(chat, chat.questions.first, "Cocoa")
    chat.expect_words("About cocoa").expect_status("complete")
    question = chat.questions.first
    expect(question).to_contain_text("2/2")
    question.get_by_role("button", name="Previous version").click()
    expect(question).to_contain_text("1/2")
    assert texts(chat) == ["Tea", "About tea"]


def test_habit_30_a_branch_swaps_everything_below_and_is_remembered(
    chat: Chat, upstream: Upstream
) -> None:
    for answer, question in (("First", "One"), ("Second", "Two")):
        upstream.say(answer)
        chat.ask(question)
    upstream.say("Other")
    edit(chat, chat.questions.first, "Instead")
    chat.expect_words("Other").expect_status("complete")
    expect(chat.questions.first).to_contain_text("2/2")
    assert texts(chat) == ["Instead", "Other"]
    chat.questions.first.get_by_role("button", name="Previous version").click()
    expect(chat.answers).to_have_count(2)
    assert texts(chat) == ["One", "First", "Two", "Second"]
    chat.page.reload()
    assert texts(chat) == ["One", "First", "Two", "Second"]


def test_habit_31_any_answer_begins_a_new_chat(chat: Chat, upstream: Upstream) -> None:
    for answer, question in (("First", "One"), ("Second", "Two")):
        upstream.say(answer)
        chat.ask(question)
    old = chat.page.url
    chat.answers.first.get_by_role("button", name="Branch in new chat").click()
    chat.page.wait_for_url(lambda url: url != old and CONVERSATION.search(url) is not None)
    expect(chat.answers).to_have_count(1)
    assert texts(chat) == ["One", "First"]
    expect(chat.composer).to_be_focused()
    upstream.say("Third")
    chat.ask("Three")
    chat.page.goto(old)
    assert texts(chat) == ["One", "First", "Two", "Second"]


def test_habit_32_wide_things_scroll_in_their_box(talk: Talk, upstream: Upstream) -> None:
    chat = talk(viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True)
    columns = [f"column number {number}" for number in range(12)]
    table = f"|{'|'.join(columns)}|\n|{'---|' * 12}\n|{'|'.join(columns)}|\n"
    formula = "$$" + " + ".join(f"x_{{{number}}}^2" for number in range(60)) + "$$"
    upstream.say(f"{CODE}\n{table}\n{formula}\n\n{'long' * 100}\n")
    chat.composer.fill("Show me")
    chat.send_button.tap()
    chat.expect_status("complete")
    for box in (".code-block pre", ".table-scroll", ".math-block"):
        assert chat.body.locator(box).evaluate("box => box.scrollWidth > box.clientWidth"), box
    expect_no_overflow(chat.page)


def test_habit_33_links_are_safe_and_raw_html_is_inert(chat: Chat, upstream: Upstream) -> None:
    pieces = (
        "<img src=x onerror=alert(1)>",
        "<script>alert(2)</script>",
        "[x](javascript:alert(3)) [a link](https://example.org/) https://example.com/plain",
        " end",
    )
    upstream.play(Script("gated", pieces))
    chat.send("Look at https://example.net/").expect_status("running")
    upstream.release(3)
    chat.expect_status("complete").expect_words("end")
    expect(chat.body.locator("img, script, a[href^=javascript]")).to_have_count(0)
    expect(chat.body).to_contain_text("<img src=x onerror=alert(1)>")
    links = chat.page.locator("article [data-body] a")
    expect(links).to_have_count(3)
    for link in links.all():
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", re.compile("noopener.*noreferrer"))
