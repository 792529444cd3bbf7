"""What becomes of a message that is sent: habits 7, 8, 11, 46 and 47 of docs/habits.md."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.people import Complaints, Person, Talk, sign_in
from tests.browser.test_outbox import wait_until_held
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

CARET = "area => area.selectionStart"


# --- Sending ---------------------------------------------------------------------------------------------------------


def test_habit_07_the_text_leaves_at_once_and_comes_back_if_refused(
    chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("413")
    held: list[Route] = []
    chat.page.route("**/c/", lambda route: held.append(route))
    chat.composer.fill("long " * 5_000)
    chat.page.keyboard.press("Home")
    caret = chat.composer.evaluate(CARET)
    chat.page.keyboard.press("Enter")
    expect(chat.composer).to_have_value("")
    expect(chat.questions).to_have_count(1)
    wait_until_held(chat, held)
    held[0].continue_()
    expect(chat.page.locator("#composer-error")).to_contain_text("the limit is 20000")
    expect(chat.composer).to_have_value("long " * 5_000)
    assert chat.composer.evaluate(CARET) == caret
    expect(chat.questions).to_have_count(0)
    expect(chat.page.get_by_text("What can I help with?")).to_be_visible()


@pytest.mark.parametrize("way_on", ["retry", "reload"])
def test_habit_07_without_a_network_nothing_is_lost(
    way_on: str, chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    chat.until_whole().page.context.set_offline(True)
    chat.send("Please keep me")
    expect(chat.questions).to_contain_text("Not sent.")
    chat.page.context.set_offline(False)
    if way_on == "reload":
        chat.page.reload()
    else:
        chat.questions.get_by_role("button", name="Retry").click()
    chat.expect_status("complete").expect_words("Please keep me")
    expect(chat.questions).to_have_count(1)


def test_habit_07_a_reload_while_sending_sends_once(chat: Chat, upstream: Upstream) -> None:
    """The server has the message, the page has not heard of it."""
    chat.ask("First")
    path = chat.path
    chat.page.route("**/messages/", lambda route: route.fetch() and None)
    chat.send("Second")
    upstream.wait_for_requests(2)
    chat.send("Third")  # waits for the answer
    upstream.chats[1].wait_ended()
    chat.page.unroute_all(behavior="ignoreErrors")
    chat.open(path)
    expect(chat.answers).to_have_count(3)
    chat.expect_status("complete").expect_words("Third")
    expect(chat.questions).to_have_count(3)
    assert [received.text for received in upstream.chats] == ["First", "Second", "Third"]


def test_habit_08_a_double_click_makes_one_message(chat: Chat, upstream: Upstream) -> None:
    chat.composer.fill("Only once")
    chat.send_button.dblclick()
    expect(chat.answers).to_have_count(1)
    chat.expect_status(re.compile("complete|stopped"))
    chat.page.reload()
    expect(chat.questions).to_have_count(1)
    assert [received.text for received in upstream.chats] == ["Only once"]


def test_habit_11_writing_goes_on_while_an_answer_streams(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("First", " answer.")))
    chat.send("One").expect_status("running").expect_words("First")
    expect(chat.stop_button).to_be_visible()
    chat.page.keyboard.type("Two")
    chat.page.keyboard.press("Enter")
    expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
    chat.page.keyboard.type("A thought")
    upstream.say("Second answer.")
    upstream.release()
    chat.expect_words("Second answer.").expect_status("complete")
    expect(chat.questions).to_have_count(2)
    expect(chat.answers.first).to_contain_text("First answer.")
    expect(chat.composer).to_have_value("A thought")


def test_habit_11_an_edit_waits_for_the_answer_it_replaces(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("First", " answer.")))
    chat.send("One").expect_status("running").expect_words("First")
    chat.page.keyboard.press("ArrowUp")
    chat.send("Instead")
    expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
    upstream.say("Another answer.")
    upstream.release()
    chat.expect_words("Another answer.").expect_status("complete")
    expect(chat.questions).to_have_count(1)
    expect(chat.questions).to_contain_text("2/2")


# --- What is not accepted --------------------------------------------------------------------------------------------


def test_habit_47_a_session_that_ends_while_writing_costs_nothing(
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


def test_habit_46_the_limit_has_a_banner_and_old_chats_open(
    ann: Person, upstream: Upstream, complaints: Complaints, talk: Talk
) -> None:
    complaints.expect("429")
    with ann.visitor() as visitor:
        for number in range(7):
            sent = visitor.send(f"Question {number}")
            *_, last = visitor.events(sent["events"])
            assert last.data["status"] == "complete"
    chat = talk()
    page = chat.page
    note, told = page.locator("[data-live=quota]"), page.locator("[data-quota-announcer]")
    moment = re.compile(r"renews on \w+ \d{1,2} at 00:00 \(UTC\)")
    expect(note).to_have_text("3 of 10 requests left today")
    chat.ask("The one of the warning")
    expect(note).to_contain_text("2 of 10 requests left today")
    expect(note).to_contain_text(moment)
    expect(told).to_contain_text("2 of 10 requests left today")
    chat.ask("One that says nothing more of it")
    expect(note).to_contain_text("1 of 10 requests left today")
    expect(told).to_contain_text("2 of 10 requests left today")
    banner = page.locator("[data-live=limit]")
    expect(banner).to_be_hidden()
    chat.ask("The last one")
    expect(note).to_have_text("0 of 10 requests left today")
    expect(banner).to_contain_text(moment)
    chat.send("One too many")
    expect(page.locator("#composer-error")).to_contain_text(moment)
    expect(banner).to_be_hidden()
    expect(chat.composer).to_have_value("One too many")
    expect(chat.questions).to_have_count(3)
    page.reload()
    expect(chat.composer).to_have_value("One too many")
    chat.open(sent["url"])
    expect(banner).to_contain_text(moment)
    expect(chat.questions).to_contain_text("Question 6")
