"""An answer on its way: habits 12 to 20 of docs/habits.md, and what a screen reader hears of it."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import Chat
from tests.browser.test_outbox import wait_until_held
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

# From the key that sends to the question on the screen, in milliseconds.
TIMED = """() => {
  window.shownAfter = 0;
  const questions = document.getElementsByTagName("article");
  const before = questions.length;
  document.addEventListener("keydown", () => (window.pressedAt = performance.now()), {capture: true, once: true});
  new MutationObserver((_, observer) => {
    if (questions.length === before) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => (window.shownAfter = performance.now() - window.pressedAt)));
  }).observe(document.querySelector("[data-transcript]"), {childList: true});
}"""
SENDING = re.compile(r"/c/(.*/messages/)?$")
INDICATOR = "body => getComputedStyle(body, '::before').content !== 'none'"


def test_habit_12_the_question_is_shown_before_the_network_replies(
    chat: Chat, upstream: Upstream
) -> None:
    """The machine may be busy with other tests: of up to three questions the quickest counts."""
    held: list[Route] = []
    waits: list[float] = []
    chat.page.route(SENDING, lambda route: held.append(route))
    while not waits or (min(waits) >= 100 and len(waits) < 3):
        count, url = len(waits), chat.page.url
        chat.page.evaluate(TIMED)
        chat.send("A question")
        expect(chat.questions).to_have_count(count + 1)
        expect(chat.composer).to_have_value("")
        waits.append(chat.page.wait_for_function("window.shownAfter").json_value())
        expect(chat.questions.last).to_contain_text("A question")
        expect(chat.page).to_have_url(url)
        assert len(upstream.chats) == count
        wait_until_held(chat, held)
        held.pop().continue_()
        expect(chat.answers).to_have_count(count + 1)
        chat.expect_status("complete")
        expect(chat.questions).to_have_count(count + 1)
    assert min(waits) < 100, waits


def test_habit_13_an_indicator_waits_for_the_first_word(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script.parse("gated headers=1", "Word", " and more"))
    chat.send("Hello").expect_status("running")
    upstream.wait_for_requests()
    expect(chat.body).to_be_empty()
    assert chat.body.evaluate(INDICATOR)
    expect(chat.answer).to_have_attribute("aria-busy", "true")
    upstream.release()
    chat.expect_words("Word")
    assert not chat.body.evaluate(INDICATOR)
    upstream.release()
    chat.expect_status("complete")


def test_habit_14_markup_is_seen_while_it_grows(chat: Chat, upstream: Upstream) -> None:
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


@pytest.mark.parametrize("by", ["Escape", "button"])
def test_habit_15_stopping_takes_no_second_and_keeps_the_text(
    chat: Chat, upstream: Upstream, by: str
) -> None:
    upstream.play(Script("gated", ("Begun", " and never ended")))
    chat.send("Go on").expect_status("running").expect_words("Begun")
    expect(chat.send_button).to_be_hidden()
    began = time.monotonic()
    if by == "button":
        chat.stop_button.click()
    else:
        chat.page.keyboard.press("Escape")
    assert upstream.chats[0].wait_closed(1)
    chat.expect_status("stopped").expect_words("Begun")
    assert time.monotonic() - began < 2  # the page's part of it, on a machine busy with tests
    expect(chat.send_button).to_be_visible()
    expect(chat.announcer).to_have_text("Answer stopped")
    chat.page.reload()
    chat.expect_status("stopped").expect_words("Begun")
    expect(chat.page.get_by_role("button", name="Continue")).to_have_count(1)
    chat.ask("Something else")
    expect(chat.page.get_by_role("button", name="Continue")).to_have_count(0)


def test_habit_16_a_reload_in_the_middle_goes_on(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One,", " two,", " three.")))
    chat.send("Count").expect_status("running").expect_words("One,")
    upstream.release()
    chat.expect_words("One, two,")
    chat.page.reload()
    chat.expect_words("One, two,").expect_status("running")
    expect(chat.stop_button).to_be_visible()
    upstream.release()
    chat.expect_status("complete")
    expect(chat.body).to_have_text("One, two, three.")


def test_habit_17_opening_another_chat_cancels_nothing(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Begun", " and ended")))
    chat.send("Go on").expect_status("running").expect_words("Begun")
    path = chat.path
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.page.get_by_text("What can I help with?")).to_be_visible()
    expect(chat.conversations.first).to_contain_text("answering")
    upstream.release()
    assert upstream.chats[0].wait_ended()
    assert not upstream.chats[0].wait_closed(0)
    chat.open(path)
    chat.expect_words("Begun and ended").expect_status("complete")


def test_habit_18_a_second_tab_sees_the_same_answer_live(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Shared", " answer", " never shown")))
    chat.send("Hello").expect_status("running").expect_words("Shared")
    other = Chat(chat.page.context.new_page(), chat.site).open(chat.path)
    other.expect_words("Shared")
    upstream.release()
    for reader in (chat, other):
        reader.expect_words("Shared answer")
    other.stop_button.click()
    for reader in (chat, other):
        reader.expect_status("stopped")
        expect(reader.answer).to_contain_text(re.compile("You stopped"))


def test_habit_19_a_failed_answer_says_why_and_can_be_retried(
    chat: Chat, upstream: Upstream
) -> None:
    upstream.play("401")
    chat.send("A question").expect_status("failed")
    expect(chat.answer).to_contain_text("rejected the site's key")
    expect(chat.questions).to_contain_text("A question")
    chat.act("Retry").expect_status("complete").expect_words("A question")
    expect(chat.questions).to_have_count(1)


def test_habit_19_a_cut_answer_keeps_what_came(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("cut", ("Half of the answer",)))
    chat.send("A question").expect_status("failed").expect_words("Half of the answer")
    expect(chat.answer).to_contain_text("broke off")
    chat.page.reload()
    chat.expect_words("Half of the answer")


def test_an_answer_at_its_longest_length_goes_on(chat: Chat, upstream: Upstream) -> None:
    upstream.say("The first half", options="reason=length")
    chat.ask("A long question").expect_words("The first half")
    note = chat.answer.locator(".message-note")
    for _ in ("live", "after a reload"):
        expect(note).to_contain_text("longest length")
        expect(chat.answer.locator(".message-error")).to_have_count(0)
        chat.page.reload()
    upstream.say(" and the second.")
    chat.act("Continue").expect_status("complete")
    expect(chat.body).to_have_text("The first half and the second.")
    expect(chat.answers).to_have_count(1)
    expect(note).to_have_count(0)
    expect(chat.answer.get_by_role("button", name="Continue")).to_have_count(0)


def test_habit_20_reasoning_is_collapsed_and_timed(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script.parse("reasoning seconds=1.2 gated=1", "The answer", " is this."))
    chat.send("Why?").expect_status("running")
    thought = chat.answer.locator("[data-reasoning]")
    expect(thought.locator("summary")).to_have_text("Thinking…")
    for _ in ("live", "complete", "after a reload"):
        expect(thought.locator("summary")).to_have_text("Thought for 1 s")
        expect(thought.get_by_text("Let me think.")).to_be_hidden()
        if chat.answer.get_attribute("data-status") == "complete":
            chat.page.reload()
        else:
            upstream.release()
            chat.expect_status("complete")
    expect(chat.body).to_have_text("The answer is this.")
    thought.locator("summary").click()
    expect(thought.get_by_text("Let me think.")).to_be_visible()


def test_habit_48_little_is_announced_and_the_focus_stays(chat: Chat, upstream: Upstream) -> None:
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
    expect(chat.composer).to_be_focused()
