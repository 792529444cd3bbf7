"""The same journey with JavaScript switched off: links and forms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.people import Complaints, Open, Person, Talk
from tests.browser.test_journey import become_administrator
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

PIECES = ("Tea is", " a drink", " from leaves.", " It is old", " and never shown")
OFF = {"java_script_enabled": False}


def submit(chat: Chat, text: str) -> None:
    chat.composer.fill(text)
    chat.send_button.click()
    expect(chat.page).to_have_url(CONVERSATION)


def refresh_until(chat: Chat, text: str) -> None:
    """What a reader does without scripts: follow the link that shows more."""
    expect(chat.answer).to_be_visible()
    while text not in chat.body.inner_text():
        chat.answer.get_by_role("link", name="Refresh to see more").click()


def refresh_until_status(chat: Chat, status: str) -> None:
    while chat.answer.get_attribute("data-status") != status:
        chat.page.reload()


def stops_and_continues(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script.parse("gated", *PIECES))
    submit(chat, "Tell me about tea")
    refresh_until(chat, "Tea is")
    upstream.release(3)
    refresh_until(chat, "It is old")
    chat.stop_button.click()
    refresh_until_status(chat, "stopped")
    chat.expect_words("Tea is a drink from leaves. It is old")
    upstream.say(" and well liked.")
    chat.act("Continue")
    refresh_until_status(chat, "complete")
    chat.expect_words("It is old and well liked.")


def regenerates(chat: Chat) -> None:
    chat.act("Regenerate")
    refresh_until_status(chat, "complete")
    chat.expect_words("You said:")
    expect(chat.answer).to_contain_text("2/2")
    chat.act("Previous version")
    chat.expect_words("well liked")
    chat.act("Next version")
    chat.expect_words("You said:")


def edits(chat: Chat) -> None:
    chat.questions.first.get_by_role("link", name="Edit").click()
    expect(chat.composer).to_have_value("Tell me about tea")
    expect(chat.page.get_by_text("You are editing an earlier message.")).to_be_visible()
    submit(chat, "Tell me about cocoa")
    refresh_until_status(chat, "complete")
    chat.expect_words("cocoa")
    expect(chat.questions.first).to_contain_text("2/2")


def renames(chat: Chat) -> None:
    page = chat.page
    row = chat.conversations.filter(has_text="Tell me about tea")
    row.get_by_role("link", name="Actions").click()
    page.locator("summary", has_text="Rename").click()
    page.get_by_label("Title").fill("Hot drinks")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Hot drinks", level=1)).to_be_visible()


def deletes(chat: Chat) -> None:
    chat.conversations.first.get_by_role("link", name="Actions").click()
    chat.page.get_by_role("button", name="Delete").click()


def deletes_and_undoes(chat: Chat) -> None:
    deletes(chat)
    expect(chat.page.get_by_text("The conversation has been deleted.")).to_be_visible()
    chat.page.get_by_role("button", name="Undo").click()
    expect(chat.page.get_by_role("heading", name="Hot drinks", level=1)).to_be_visible()


def deletes_all(page: Page) -> None:
    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Delete all conversations…").click()
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("1 conversation has been deleted.")).to_be_visible()


def test_the_whole_journey(tmp_path: Path, upstream: Upstream, open_browser: Open) -> None:
    with Site(tmp_path, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site:
        page = open_browser(**OFF)
        become_administrator(page, site)
        chat = Chat(page, site.url)
        expect(page.get_by_text("What can I help with?")).to_be_visible()
        stops_and_continues(chat, upstream)
        regenerates(chat)
        edits(chat)
        renames(chat)
        deletes_and_undoes(chat)
        deletes(chat)
        submit(chat.open(), "Once more")
        refresh_until_status(chat, "complete")
        deletes_all(page)
        page.locator(".account-menu summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(re.compile("/accounts/login/"))


def test_pickers_apply(talk: Talk) -> None:
    chat = talk(**OFF)
    chat.page.get_by_label("Role preset").select_option(label="No role")
    submit(chat, "Hello")
    refresh_until_status(chat, "complete")
    role = chat.page.get_by_label("Role preset")
    chosen = role.locator("option").nth(2)
    name, value = chosen.inner_text(), chosen.get_attribute("value")
    role.select_option(label=name)
    chat.page.get_by_role("button", name="Apply").click()
    expect(role).to_have_value(str(value))
    chat.page.reload()
    expect(role).to_have_value(str(value))


def test_an_example_prompt_is_put_into_the_box(talk: Talk) -> None:
    chat = talk(**OFF)
    example = chat.page.get_by_role("list", name="Examples").get_by_role("link").first
    text = example.inner_text()
    example.click()
    expect(chat.composer).to_have_value(text)


def test_a_refused_message_keeps_its_text(talk: Talk, complaints: Complaints) -> None:
    complaints.expect("413")
    chat = talk(**OFF)
    chat.composer.fill("long " * 5_000)
    chat.send_button.click()
    expect(chat.page.get_by_role("alert").first).to_contain_text("the limit is 20000")
    expect(chat.composer).to_have_value(re.compile("^long long"))


def test_an_answer_at_its_longest_length_goes_on(talk: Talk, upstream: Upstream) -> None:
    chat = talk(**OFF)
    upstream.say("The first half", options="reason=length")
    submit(chat, "A long question")
    refresh_until_status(chat, "complete")
    expect(chat.answer.locator(".message-note")).to_contain_text("longest length")
    upstream.say(" and the second.")
    chat.act("Continue")
    refresh_until(chat, "The first half and the second.")
    refresh_until_status(chat, "complete")
    expect(chat.answer.locator(".message-note")).to_have_count(0)


def test_sign_up_leads_to_a_new_chat(site: Site, open_browser: Open, ann: Person) -> None:
    page = open_browser(**OFF)
    page.goto(f"{site.url}/accounts/signup/")
    page.get_by_label("User name").fill(f"{ann.name}-too")
    page.get_by_label("Password", exact=True).fill(ann.password)
    page.get_by_label("Password (again)").fill(ann.password)
    page.get_by_role("button", name="Sign up").click()
    expect(page).to_have_url(f"{site.url}/")
    expect(page.get_by_text(f"{ann.name}-too")).to_be_visible()


def test_what_needs_scripts_takes_no_place(talk: Talk) -> None:
    """The first action of an answer stands where the answer begins, not behind the gap of a Copy nobody sees."""
    chat = talk(**OFF)
    submit(chat, "Hello")
    refresh_until_status(chat, "complete")
    hidden = chat.page.locator(".needs-script")
    assert hidden.count() >= 2
    assert [box.bounding_box() for box in hidden.all()] == [None] * hidden.count()
    actions = chat.answer.locator(".message-actions")
    first = actions.get_by_role("button", name="Regenerate")
    boxes = actions.bounding_box(), first.bounding_box()
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["x"] == boxes[1]["x"]
