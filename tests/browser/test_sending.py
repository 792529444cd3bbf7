"""The composer's manners, and what becomes of a text that could not be sent."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.people import Complaints, Open, Person, Talk
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


# --- Keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("composing", ["isComposing: true", "keyCode: 229"])
def test_enter_that_ends_a_composition_does_not_send(chat: Chat, composing: str) -> None:
    chat.composer.fill("ni hao")
    allowed = chat.composer.evaluate(
        "(area) => area.dispatchEvent(new KeyboardEvent('keydown',"
        f" {{key: 'Enter', bubbles: true, cancelable: true, {composing}}}))"
    )
    assert allowed
    expect(chat.composer).to_have_value("ni hao")
    expect(chat.questions).to_have_count(0)
    chat.composer.press("Enter")
    chat.expect_status("complete")
    expect(chat.questions).to_have_count(1)


def test_shift_enter_makes_a_new_line(chat: Chat) -> None:
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("two")
    expect(chat.composer).to_have_value("one\ntwo")
    expect(chat.questions).to_have_count(0)
    chat.page.keyboard.press("Enter")
    expect(chat.questions.locator("[data-body]")).to_have_text(re.compile(r"one\s*two"))
    chat.expect_status("complete")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_cannot_be_sent(chat: Chat, upstream: Upstream, text: str) -> None:
    chat.composer.fill(text)
    chat.composer.press("Enter")
    chat.send_button.click()
    expect(chat.page).to_have_url(f"{chat.site}/")
    chat.ask("something")
    expect(chat.questions).to_have_count(1)
    assert len(upstream.chats) == 1


def test_on_a_telephone_enter_makes_a_new_line(talk: Talk) -> None:
    chat = talk(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    chat.composer.tap()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Enter")
    expect(chat.composer).to_have_value("one\n")
    chat.send_button.tap()
    chat.expect_status("complete")


# --- Sending ---------------------------------------------------------------------------------------------------------


def test_the_text_leaves_the_box_at_once(chat: Chat, upstream: Upstream) -> None:
    upstream.play("gated headers=1")
    chat.send("A question")
    expect(chat.composer).to_have_value("")
    expect(chat.questions).to_contain_text("A question")
    expect(chat.stop_button).to_be_visible()
    upstream.release(100)
    chat.expect_status("complete")
    expect(chat.send_button).to_be_visible()


def test_a_double_click_makes_one_message(chat: Chat, upstream: Upstream) -> None:
    chat.composer.fill("Only once")
    chat.send_button.dblclick()
    expect(chat.answers).to_have_count(1)
    chat.expect_status(re.compile("complete|stopped"))
    chat.page.reload()
    expect(chat.questions).to_have_count(1)
    assert [received.text for received in upstream.chats] == ["Only once"]


def test_a_message_written_while_an_answer_runs_waits(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("First", " answer.")))
    chat.send("One").expect_status("running").expect_words("First")
    chat.send("Two")
    expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
    upstream.say("Second answer.")
    upstream.release()
    chat.expect_words("Second answer.").expect_status("complete")
    expect(chat.questions).to_have_count(2)
    expect(chat.answers.first).to_contain_text("First answer.")


def test_without_a_network_nothing_is_lost(chat: Chat, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    # What is loaded when the page is idle has come, too.
    expect(chat.page.locator("chat-sidebar:defined")).to_be_attached()
    chat.page.context.set_offline(True)
    chat.send("Please keep me")
    expect(chat.questions).to_contain_text("Not sent.")
    expect(chat.questions).to_contain_text("Please keep me")
    chat.page.context.set_offline(False)
    chat.questions.get_by_role("button", name="Retry").click()
    chat.expect_status("complete").expect_words("Please keep me")
    expect(chat.questions).to_have_count(1)


def test_a_spent_quota_says_when_it_ends_and_keeps_the_text(
    ann: Person, upstream: Upstream, complaints: Complaints, talk: Talk
) -> None:
    complaints.expect("429")
    with ann.visitor() as visitor:
        for number in range(10):
            sent = visitor.send(f"Question {number}")
            *_, last = visitor.events(sent["events"])
            assert last.data["status"] == "complete"
    chat = talk()
    expect(chat.page.get_by_text("0 of 10 requests left today")).to_be_visible()
    chat.send("One too many")
    refusal = chat.page.locator("#composer-error")
    expect(refusal).to_contain_text(re.compile(r"\d{1,2}[:.]\d\d|midnight|tomorrow", re.I))
    expect(chat.composer).to_have_value("One too many")
    expect(chat.questions).to_have_count(0)
    expect(chat.page.get_by_text("What can I help with?")).to_be_visible()


# --- Failures --------------------------------------------------------------------------------------------------------


def test_a_failed_answer_says_why_and_can_be_retried(chat: Chat, upstream: Upstream) -> None:
    upstream.play("401")
    chat.send("A question").expect_status("failed")
    expect(chat.answer).to_contain_text("rejected the site's key")
    expect(chat.questions).to_contain_text("A question")
    chat.act("Retry").expect_status("complete").expect_words("A question")
    expect(chat.questions).to_have_count(1)


def test_a_cut_answer_keeps_what_came(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("cut", ("Half of the answer",)))
    chat.send("A question").expect_status("failed").expect_words("Half of the answer")
    expect(chat.answer).to_contain_text("broke off")
    chat.page.reload()
    chat.expect_words("Half of the answer")


# --- Drafts ----------------------------------------------------------------------------------------------------------


def test_a_draft_survives_a_reload(chat: Chat) -> None:
    chat.page.keyboard.type("Half a thought")
    chat.page.reload()
    expect(chat.composer).to_have_value("Half a thought")
    chat.composer.press("End")
    chat.composer.press("Enter")
    chat.expect_status("complete")
    chat.open()
    expect(chat.composer).to_have_value("")


def sign_in(page: Page, person: Person) -> None:
    page.get_by_label("User name or e-mail address").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()


def test_a_session_that_ends_while_writing_costs_nothing(
    ann: Person, chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("401", "403")
    chat.ask("Hello")
    chat.composer.fill("Half a thought")
    chat.page.context.clear_cookies(name="sessionid")
    chat.composer.press("Enter")
    expect(chat.page.get_by_text("You have been signed out. Your text is kept.")).to_be_visible()
    expect(chat.composer).to_have_value("Half a thought")
    chat.page.get_by_role("link", name="Sign in again").click()
    sign_in(chat.page, ann)
    expect(chat.page).to_have_url(CONVERSATION)
    expect(chat.composer).to_have_value("Half a thought")
    chat.composer.press("Enter")
    expect(chat.questions).to_have_count(2)
    chat.expect_status("complete")


def test_another_persons_draft_is_not_shown(
    chat: Chat, ann: Person, site: Site, open_browser: Open
) -> None:
    chat.composer.fill("A secret")
    chat.page.context.clear_cookies()
    other = Person(site)
    chat.page.context.add_cookies(other.cookies)
    chat.open()
    expect(chat.composer).to_have_value("")
