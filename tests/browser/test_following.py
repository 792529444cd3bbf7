"""An answer on its way: what is seen, what is heard, and what happens to the place where one reads."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.people import Complaints
from tests.processes import wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

AT_END = "document.documentElement.scrollHeight - innerHeight - scrollY < 2"
LONG = tuple(f"Paragraph {number} has some words in it.\n\n" for number in range(60))


def test_markup_is_seen_while_it_grows(chat: Chat, upstream: Upstream) -> None:
    pieces = (
        "# Tea\n\nIt is **hot",
        "**.\n\n",
        "- green\n- bla",
        "ck\n\n```python\nx = 1",
        "\n```\n",
        "End.",
    )
    upstream.play(Script("gated", pieces))
    chat.send("Tell me about tea").expect_status("running")
    expect(chat.body.get_by_role("heading", name="Tea")).to_be_visible()
    expect(chat.body).to_contain_text("It is")
    upstream.release()
    expect(chat.body.locator("strong")).to_have_text("hot")
    upstream.release()
    expect(chat.body.get_by_role("listitem")).to_have_count(2)
    upstream.release()
    expect(chat.body.locator("pre code")).to_contain_text("x = 1")
    upstream.release(2)
    chat.expect_status("complete").expect_words("End.")
    expect(chat.body.get_by_role("heading", name="Tea")).to_have_count(1)
    expect(chat.body.get_by_role("listitem")).to_have_text(["green", "black"])


def test_thinking_is_shown_apart(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("reasoning", ("The answer.",)))
    chat.send("Why?").expect_status("complete")
    expect(chat.body).to_have_text("The answer.")
    thought = chat.answer.locator("[data-reasoning]")
    expect(thought.get_by_text("Let me think.")).to_be_hidden()
    thought.locator("summary").click()
    expect(thought.get_by_text("Let me think.")).to_be_visible()


def test_a_broken_connection_is_taken_up_where_it_was(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "ERR_FAILED")
    pieces = ("One,", " two,", " three,", " four.")
    upstream.play(Script("gated", pieces))
    chat.send("Count").expect_status("running").expect_words("One,")
    chat.page.context.set_offline(True)
    upstream.release(2)
    chat.page.context.set_offline(False)
    upstream.release()
    chat.expect_status("complete")
    expect(chat.body).to_have_text("One, two, three, four.")


def test_reading_further_up_is_not_disturbed(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("".join(LONG), *LONG)))
    chat.send("Go on and on").expect_status("running").expect_words("Paragraph 59")
    page = chat.page
    wait_for(lambda: page.evaluate(AT_END), what="the end in view")
    upstream.release(10)
    expect(chat.body.get_by_text("Paragraph 9 has")).to_have_count(2)
    wait_for(lambda: page.evaluate(AT_END), what="the end in view")

    jump = page.get_by_role("link", name="Jump to latest")
    expect(jump).to_be_hidden()
    page.evaluate("scrollBy({top: -800, behavior: 'instant'})")
    expect(jump).to_be_visible()
    place = page.evaluate("scrollY")
    upstream.release(10)
    expect(chat.body.get_by_text("Paragraph 19 has")).to_have_count(2)
    assert page.evaluate("scrollY") == place
    jump.click()
    wait_for(lambda: page.evaluate(AT_END), what="the end in view")
    expect(jump).to_be_hidden()
    upstream.release(100)
    chat.expect_status("complete")
    wait_for(lambda: page.evaluate(AT_END), what="the end in view")


def test_little_is_announced(chat: Chat, upstream: Upstream) -> None:
    """A screen reader hears that an answer comes and that it is complete, not each of 200 tokens."""
    chat.page.evaluate(
        """() => {
          window.announced = [];
          for (const region of document.querySelectorAll("[role=status], [role=alert]")) {
            const note = () => announced.push(region.textContent.trim());
            new MutationObserver(note).observe(region, {childList: true, characterData: true, subtree: true});
          }
        }"""
    )
    upstream.play("slow tokens=200 rate=200")
    chat.send("Go on").expect_status("complete")
    expect(chat.announcer).to_have_text("Answer complete")
    announced = chat.page.evaluate("announced")
    assert [text for text in announced if text] == ["Answering", "Answer complete"]
    expect(chat.page.get_by_role("log")).to_have_attribute("aria-live", "off")


def test_escape_stops(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Begun", " and never ended")))
    chat.send("Go on").expect_status("running").expect_words("Begun")
    chat.page.keyboard.press("Escape")
    chat.expect_status("stopped").expect_words("Begun")
    expect(chat.announcer).to_have_text("Answer stopped")
    assert upstream.chats[0].wait_closed()


def test_back_leads_to_the_new_chat(chat: Chat) -> None:
    chat.ask("Hello")
    chat.page.go_back()
    expect(chat.page).to_have_url(f"{chat.site}/")
    expect(chat.page.get_by_text("What can I help with?")).to_be_visible()
    chat.page.go_forward()
    chat.expect_words("Hello")


def test_two_tabs_show_the_same_end(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Shared", " answer")))
    chat.send("Hello").expect_status("running").expect_words("Shared")
    other = Chat(chat.page.context.new_page(), chat.site).open(chat.path)
    other.expect_words("Shared")
    other.stop_button.click()
    for reader in (chat, other):
        reader.expect_status("stopped")
        expect(reader.answer).to_contain_text(re.compile("You stopped"))
