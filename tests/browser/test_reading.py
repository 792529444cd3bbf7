"""Whoever reads, selects words or stands on a control keeps that: when the line changes, and when the answer ends."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.browser.people import Complaints, Person
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

SELECTED = "getSelection().toString()"
IS_SAME = "(element, kept) => element === kept"
# So long that the site does not render it again for each word: those come as plain text behind it.
LONG = "The second paragraph is long. " * 70
WORDS = tuple(f"word{number} " for number in range(10))


def opened_thought(chat: Chat) -> Locator:
    thought = chat.answer.locator("[data-reasoning]")
    thought.locator("summary").click()
    expect(thought.get_by_text("Let me think.")).to_be_visible()
    return thought


def test_another_line_goes_on_where_the_page_stands(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    upstream.play(Script.parse("reasoning gated=1", f"The first.\n\n{LONG}", *WORDS, "\n\nEnd."))
    chat.send("Go on").expect_status("running").expect_words("The second")
    thought = opened_thought(chat).locator(".reasoning-text")
    for word in WORDS[:6]:
        upstream.release()
        chat.expect_words(word.strip())
    expect(chat.body.locator("[data-tail]")).to_have_count(1)
    paragraphs = chat.body.locator("p")
    places = (thought, paragraphs.nth(0), paragraphs.nth(1), chat.body.locator("[data-tail]"))
    kept = [(place, place.element_handle()) for place in places]
    for selected in places:
        selected.select_text()
        words = page.evaluate(SELECTED)
        assert words
        with page.expect_request(lambda request: "/events/?after=2" in request.url):
            page.evaluate("dispatchEvent(new Event('online'))")
        upstream.release()
        chat.expect_words(WORDS[6 + places.index(selected)].strip())
        assert page.evaluate(SELECTED).startswith(words)  # the last ones go on growing
        assert all(place.evaluate(IS_SAME, handle) for place, handle in kept)
    expect(chat.body).to_have_text(f"The first.\n{LONG}{''.join(WORDS)}".strip())
    upstream.release()
    chat.expect_status("complete")
    expect(chat.body).to_have_text(f"The first.\n{LONG}{''.join(WORDS).strip()}\nEnd.")


def test_another_line_before_an_answer_that_is_replaced_as_a_whole(
    chat: Chat, upstream: Upstream
) -> None:
    pieces = ("See [here][a].\n\nAnd ", "so on.", "\n\n[a]: https://example.org/\n")
    upstream.play(Script("gated", pieces))
    chat.send("Where?").expect_status("running").expect_words("And")
    with chat.page.expect_request("**/events/?after=*"):
        chat.page.evaluate("dispatchEvent(new Event('online'))")
    upstream.release(2)
    chat.expect_status("complete")
    expect(chat.body.get_by_role("link", name="here")).to_have_count(1)
    expect(chat.body.locator("p")).to_have_text(["See here.", "And so on."])


def test_the_end_keeps_selection_focus_and_open_reasoning(chat: Chat, upstream: Upstream) -> None:
    code = "```python\nx = 1\n```\n\n"
    upstream.play(Script.parse("reasoning gated=1", f"Some words.\n\n{code}", "The ", "end."))
    chat.send("Go on").expect_status("running")
    thought = opened_thought(chat)
    copy = chat.body.get_by_role("button", name="Copy")
    chat.body.get_by_text("Some words.").select_text()
    copy.focus()
    upstream.release(2)
    chat.expect_status("complete")
    expect(chat.answer.get_by_role("button", name="Regenerate")).to_be_visible()
    expect(copy).to_be_focused()
    assert chat.page.evaluate(SELECTED) == "Some words."
    expect(thought.get_by_text("Let me think.")).to_be_visible()
    expect(chat.body).to_have_count(1)
    expect(chat.answer.locator(":scope > *")).to_have_count(4)  # who, thought, body, buttons


def test_an_answer_that_is_deleted_elsewhere_while_it_comes(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("404")
    upstream.play(Script("gated", ("Begun", " and never ended")))
    chat.send("Go on").expect_status("running").expect_words("Begun")
    with ann.visitor() as elsewhere:
        elsewhere.submit(chat.path, {}, to=f"{chat.path}delete/")
    message = chat.page.get_by_role("alert").filter(has_text="The conversation has been deleted.")
    expect(message).to_be_visible()
    chat.expect_words("Begun")
    expect(chat.stop_button).to_be_hidden()
