"""Content made to break a page: whatever comes, it stays inside its box, at every width, streamed and reloaded."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.looks import expect_no_overflow
from tests.browser.people import Complaints
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

WIDTHS = (1280, 360)
WORD = "w" * 100_000
# As many marks as a message of the tests' site may have.
ZALGO = "Z" + "\u0301\u0323\u0336\u035c" * 2_400
BIDI = "\u202egnp.exe \u2067\u2066\u202d\u202e"
# Nothing of a message is drawn over its neighbours: what sticks out of its box is cut off.
IS_CLIPPED = "(element) => getComputedStyle(element).overflowY !== 'visible'"
ISOLATED = re.compile("isolate|plaintext")


def expect_fits(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        expect_no_overflow(page)


def expect_fits_also_reloaded(chat: Chat) -> None:
    expect_fits(chat.page)
    chat.page.reload()
    expect(chat.answer).to_have_attribute("data-status", "complete")
    expect_fits(chat.page)


def test_a_word_of_100_kb_as_an_answer(chat: Chat, upstream: Upstream) -> None:
    upstream.say(*(WORD[start : start + 5_000] for start in range(0, len(WORD), 5_000)))
    chat.send("Say it").expect_status("complete")
    shown = chat.body.evaluate("(body) => body.textContent.replaceAll(/\\s/g, '')")
    assert shown == WORD  # in paragraphs: Markdown is read piece by piece
    expect_fits_also_reloaded(chat)


def test_a_long_word_as_a_message(chat: Chat, upstream: Upstream) -> None:
    upstream.say("Well.")
    chat.send(WORD[:19_000]).expect_status("complete")
    expect(chat.questions.locator("[data-body]")).to_have_text(WORD[:19_000])
    expect_fits_also_reloaded(chat)


def test_a_word_of_100_kb_is_refused_and_kept(chat: Chat, complaints: Complaints) -> None:
    complaints.expect("413")
    chat.send(WORD)
    expect(chat.page.locator("#composer-error")).not_to_be_empty()
    expect(chat.composer).to_have_value(WORD)
    expect(chat.questions).to_have_count(0)
    expect_fits(chat.page)


def test_thousands_of_combining_marks(chat: Chat, upstream: Upstream) -> None:
    upstream.say(f"Before.\n\n{ZALGO}\n\nAfter.")
    chat.send(ZALGO).expect_status("complete").expect_words("After.")
    title = chat.page.locator("[data-live=title]")
    row = chat.conversations.first.get_by_role("link")
    expect(row).not_to_be_empty()
    for place in (title, row, chat.body, chat.questions.locator("[data-body]")):
        assert place.evaluate(IS_CLIPPED)
    expect_fits_also_reloaded(chat)


def test_text_that_turns_its_direction_turns_nothing_else(chat: Chat, upstream: Upstream) -> None:
    upstream.say(f"A word {BIDI}\n\nthe next paragraph")
    chat.send(BIDI).expect_status("complete").expect_words("the next paragraph")
    row = chat.conversations.first.get_by_role("link")
    expect(row).to_contain_text("gnp.exe")
    for place in (row, chat.page.locator("[data-live=title]"), chat.body):
        expect(place).to_have_css("unicode-bidi", ISOLATED)
    expect_fits_also_reloaded(chat)


def test_a_table_of_400_rows_scrolls_in_its_box(chat: Chat, upstream: Upstream) -> None:
    columns = range(12)
    head = [
        "|".join(("", *(f"column{number}" for number in columns), "")) + "\n",
        "|" + "---|" * len(columns) + "\n",
    ]
    rows = [
        "|" + "".join(f"cell{row}x{column}|" for column in columns) + "\n" for row in range(400)
    ]
    upstream.say(*head, *rows, "\nThe end.")
    chat.send("List everything").expect_status("complete").expect_words("The end.")
    expect(chat.body.locator("tbody tr")).to_have_count(400)
    expect_fits_also_reloaded(chat)
    expect(chat.body.locator("tbody tr")).to_have_count(400)
    box = chat.body.locator(".table-scroll").first
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join("  " * depth + "- item" for depth in range(200)), id="lists"),
        pytest.param("> " * 200 + "deep", id="quotes"),
        pytest.param("\n".join("> - " * depth + "both" for depth in range(1, 100)), id="both"),
    ],
)
def test_deep_nesting(chat: Chat, upstream: Upstream, text: str) -> None:
    upstream.say(text, "\n\nThe end.")
    chat.send("Nest").expect_status("complete").expect_words("The end.")
    expect_fits_also_reloaded(chat)
