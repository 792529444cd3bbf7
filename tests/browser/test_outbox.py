"""Messages on their way: their order, what comes back of them, and pages that show another branch or window."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import Chat
from tests.browser.long_conversations import long_conversation
from tests.browser.people import Complaints, Open, Person
from tests.processes import Site, wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

TOO_LONG = "long " * 5_000
REFUSED = "the limit is 20000"


def bodies(chat: Chat) -> list[str]:
    return chat.questions.locator("[data-body]").all_inner_texts()


def hold(chat: Chat) -> list[Route]:
    """The next sends wait; `release` lets them go."""
    held: list[Route] = []
    chat.page.route("**/messages/", lambda route: held.append(route))
    return held


def wait_until_held(chat: Chat, held: list[Route]) -> None:
    def is_held() -> bool:
        chat.page.wait_for_timeout(20)  # in which Playwright hears of it
        return bool(held)

    wait_for(is_held, what="a request that is held up")


def release(chat: Chat, held: list[Route]) -> None:
    wait_until_held(chat, held)
    held[0].continue_()
    chat.page.unroute("**/messages/")


def edit(chat: Chat, number: int) -> None:
    chat.questions.nth(number).get_by_role("link", name="Edit").click()


def older_window(chat: Chat, path: str) -> Chat:
    href = chat.open(path).page.locator("[data-older]").get_attribute("href")
    return chat.open(f"{path}{href}")


def expect_refusal(chat: Chat) -> None:
    expect(chat.page.locator("#composer-error")).to_contain_text(REFUSED)


# --- Refused ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(chat: Chat, complaints: Complaints) -> list[Route]:
    """After two questions and their answers, sends that wait to be refused."""
    complaints.expect("413")
    chat.ask("First").ask("Second")
    return hold(chat)


def test_what_waits_behind_a_refused_message_comes_back_with_it(
    chat: Chat, upstream: Upstream, held: list[Route]
) -> None:
    chat.send(TOO_LONG).send("Third").send("Fourth")
    chat.composer.fill("A draft")
    release(chat, held)
    expect_refusal(chat)
    expect(chat.composer).to_have_value(f"{TOO_LONG}\n\nThird\n\nFourth\n\nA draft")
    expect(chat.questions).to_have_count(2)
    assert [received.text for received in upstream.chats] == ["First", "Second"]


def test_a_refusal_does_not_get_into_an_edit(chat: Chat, held: list[Route]) -> None:
    chat.send(TOO_LONG)
    edit(chat, 0)
    chat.composer.fill("First, edited")
    release(chat, held)
    expect_refusal(chat)
    expect(chat.composer).to_have_value("First, edited")
    chat.composer.press("Escape")
    expect(chat.composer).to_have_value(TOO_LONG)
    chat.page.reload()
    expect(chat.composer).to_have_value(TOO_LONG)


def test_a_refused_edit_waits_while_another_one_is_written(chat: Chat, held: list[Route]) -> None:
    edit(chat, 1)
    chat.send(TOO_LONG)
    edit(chat, 0)
    chat.composer.fill("First, thought about")
    release(chat, held)
    expect_refusal(chat)
    expect(chat.composer).to_have_value("First, thought about")
    expect(chat.questions.last).to_contain_text("Not sent.")
    chat.composer.press("Escape")
    chat.questions.last.get_by_role("button", name="Retry").click()
    expect(chat.composer).to_have_value(TOO_LONG)
    assert bodies(chat) == ["First", "Second"]


# --- Order -----------------------------------------------------------------------------------------------------------


def test_a_message_that_failed_goes_before_the_next_one(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("503")
    chat.ask("Zero")
    chat.page.route("**/messages/", lambda route: route.fulfill(status=503, body=""), times=1)
    chat.send("One")
    expect(chat.questions.last).to_contain_text("Not sent.")
    chat.send("Two").expect_words("Two").expect_status("complete")
    for _ in ("as it came", "as it is kept"):
        expect(chat.answers).to_have_count(3)
        assert bodies(chat) == ["Zero", "One", "Two"]
        chat.page.reload()
    assert [received.text for received in upstream.chats] == ["Zero", "One", "Two"]


def test_what_waits_goes_to_the_model_that_was_picked_for_it(
    chat: Chat, upstream: Upstream
) -> None:
    upstream.play(Script("gated", ("Begun", " ended")))
    chat.send("First").expect_status("running").expect_words("Begun")
    chat.send("Second")
    chat.page.get_by_label("Role preset").select_option("translator")
    upstream.release(2)
    expect(chat.answers).to_have_count(2)
    chat.expect_words("Second").expect_status("complete")
    assert all(message["role"] != "system" for message in upstream.chats[1].body["messages"])


# --- Other branches and windows --------------------------------------------------------------------------------------


def test_another_version_is_shown_while_a_message_is_on_its_way(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("409")  # the answer may still run when the next message is sent
    upstream.say("One answer")
    upstream.say("Another answer")
    chat.ask("First").act("Regenerate").expect_words("Another").expect_status("complete")
    held: list[Route] = []
    replies: list[object] = []

    def late(route: Route) -> None:
        replies.append(route.fetch())
        held.append(route)

    chat.page.route("**/messages/", late)
    upstream.say("The third answer")
    chat.send("Second")
    wait_until_held(chat, held)
    chat.answers.first.get_by_role("button", name="Previous version").click()
    expect(chat.answers.first).to_contain_text("1/2")
    held[0].fulfill(response=replies[0])  # type: ignore[arg-type]
    expect(chat.stop_button).to_be_hidden()
    chat.page.unroute("**/messages/")
    chat.ask("And now?")
    assert bodies(chat)[0] == "First"


def test_a_message_waits_for_an_answer_on_another_branch(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("409")
    chat.ask("One")
    upstream.play(Script("gated", ("Begun", " ended")))
    edit(chat, 0)
    chat.send("Instead").expect_status("running").expect_words("Begun")
    chat.page.reload()
    chat.expect_words("Begun")
    chat.questions.first.get_by_role("button", name="Previous version").click()
    expect(chat.questions.first).to_contain_text("1/2")
    sends: list[str] = []
    chat.page.on(
        "request", lambda asked: sends.append(asked.url) if asked.method == "POST" else None
    )
    chat.send("More")
    expect(chat.questions.last).to_contain_text("Will be sent when the answer is complete.")
    with chat.page.expect_response(re.compile("/messages/")):  # the second attempt
        pass
    assert len(sends) <= 3
    upstream.release(2)
    chat.expect_words("More").expect_status("complete")
    assert bodies(chat) == ["One", "More"]


def test_what_is_sent_from_an_older_window_is_shown_at_once(
    ann: Person, site: Site, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect("ERR_FAILED")
    path = long_conversation(site, ann, 400)
    chat = older_window(Chat(open_browser(ann), ann.url), path)
    held: list[Route] = []
    chat.page.route(re.compile(f"{path}$"), lambda route: held.append(route))
    chat.send("Precious words")
    expect(chat.questions.last).to_contain_text("Precious words")
    wait_until_held(chat, held)
    held[0].continue_()
    chat.page.unroute_all()
    chat.expect_words("Precious").expect_status("complete")
    assert bodies(chat)[-2:] == ["Message 398", "Precious words"]


def test_a_refused_edit_leaves_an_older_window_as_it_was(
    ann: Person, site: Site, upstream: Upstream, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect("413")
    path = long_conversation(site, ann, 400)
    chat = older_window(Chat(open_browser(ann), ann.url), path)
    shown = chat.page.locator("[data-body]").all_inner_texts()
    edit(chat, 3)
    chat.send(TOO_LONG)
    expect_refusal(chat)
    assert chat.page.locator("[data-body]").all_inner_texts()[-len(shown) :] == shown
    expect(chat.page.get_by_role("link", name="Back to the newest messages")).to_be_visible()
    upstream.say("Another way on")
    chat.send("In other words").expect_words("Another way").expect_status("complete")
    assert bodies(chat)[-1] == "In other words"
    expect(chat.page.get_by_role("link", name="Back to the newest messages")).to_have_count(0)


def test_editing_from_far_up(ann: Person, site: Site, open_browser: Open) -> None:
    """↑ edits the very last message; what is written into an edit survives a reload that does not show the message."""
    path = long_conversation(site, ann, 400)
    chat = older_window(Chat(open_browser(ann), ann.url), path)
    edit(chat, 3)
    chat.composer.fill("Rewritten")
    chat.open(path)
    expect(chat.composer).to_have_value("Rewritten")
    expect(chat.page.locator("[data-editing]")).to_be_visible()
    chat.composer.press("Escape")
    older_window(chat, path).composer.press("ArrowUp")
    expect(chat.composer).to_have_value("Message 398")


# --- Text from elsewhere ---------------------------------------------------------------------------------------------


def test_a_link_with_text_keeps_the_draft(chat: Chat) -> None:
    chat.composer.fill("A draft of mine")
    chat.open("/?q=shared+text")
    expect(chat.composer).to_have_value("shared text\n\nA draft of mine")
    chat.composer.press("End")
    chat.page.keyboard.type("!")
    for path in ("/?q=shared+text", "/"):
        chat.open(path)
        expect(chat.composer).to_have_value(re.compile("^shared text!?\n\nA draft of mine!?$"))


def test_an_example_keeps_what_has_been_written(chat: Chat) -> None:
    chat.composer.fill("A draft")
    chat.page.locator("[data-example]").first.click()
    expect(chat.composer).to_have_value(re.compile("^A draft\n\n\\w+"))


# --- What does not arrive --------------------------------------------------------------------------------------------


def test_an_answer_is_read_when_its_reader_has_been_loaded(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints, open_browser: Open
) -> None:
    complaints.expect("ERR_FAILED")
    upstream.play(Script("gated", ("Begun", " ended")))
    chat.send("Hello").expect_status("running").expect_words("Begun")
    other = Chat(open_browser(ann), ann.url)
    other.page.clock.install()
    other.page.route("**/answer-stream.*.js", lambda route: route.abort())
    other.open(chat.path)
    line = other.page.locator("[data-connection]")
    expect(line).to_have_text("Connection lost – reconnecting")
    other.page.unroute_all()
    upstream.release(2)
    chat.expect_status("complete")
    other.page.clock.run_for(4_000)
    other.expect_status("complete").expect_words("Begun ended")
    expect(line).to_be_hidden()
