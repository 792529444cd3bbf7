"""One question to several models, side by side. A site of its own: the others' pages have one model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Complaints, Person, Talk
from tests.browser.test_keyboard import tab_to
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

MODELS = ("amber", "birch", "cedar", "dune")
OFF = {"java_script_enabled": False}


@pytest.fixture(scope="module")
def several() -> Iterator[Upstream]:
    with Upstream(models=MODELS) as server:
        yield server


@pytest.fixture
def upstream(several: Upstream) -> Upstream:
    several.reset()
    return several


@pytest.fixture(scope="module")
def compare_site(tmp_path_factory: pytest.TempPathFactory, several: Upstream) -> Iterator[Site]:
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": several.url, "SIGN_IN_LIMITS": "off"}
    with Site(tmp_path_factory.mktemp("compare"), **variables) as running:
        yield running.wait_until_ready()


@pytest.fixture
def ann(compare_site: Site) -> Person:
    return Person(compare_site)


def tick(chat: Chat, *names: str, scripts: bool = True) -> Locator:
    """Choose further models for the next message; gives the button that leads there."""
    if scripts:
        expect(chat.page.locator("compare-picker:defined")).to_be_attached()
    opener = chat.page.locator("summary", has_text="Compare models")
    opener.click()
    for name in names:
        chat.page.get_by_role("checkbox", name=name).check()
    return opener


def column(chat: Chat, name: str) -> Locator:
    return chat.page.get_by_role("article").filter(has=chat.page.get_by_role("heading", name=name))


def expect_statuses(chat: Chat, *statuses: str) -> None:
    """Of the answers on the page, in order."""
    expect(chat.answers).to_have_count(len(statuses))
    for index, status in enumerate(statuses):
        expect(chat.answers.nth(index)).to_have_attribute("data-status", status)


def ask_two(chat: Chat, upstream: Upstream, text: str = "Which?") -> None:
    upstream.play_as("amber", Script("answer", ("Amber says so.",)))
    upstream.play_as("birch", Script("answer", ("Birch says no.",)))
    tick(chat, "birch")
    chat.send(text)
    expect_statuses(chat, "complete", "complete")


# --- With scripts ----------------------------------------------------------------------------------------------------


def test_three_answers_stream_at_once(chat: Chat, upstream: Upstream) -> None:
    for name in ("amber", "birch"):
        upstream.play_as(name, Script("gated", (f"I am {name}", " and done")))
    upstream.play_as("cedar", Script("answer", ("I am cedar, at once",)))
    tick(chat, "birch", "cedar")
    expect(chat.page.get_by_role("checkbox", name="amber")).to_be_checked()
    expect(chat.page.get_by_role("checkbox", name="dune")).to_be_disabled()
    chat.send("Who are you?")
    expect(chat.page.get_by_role("checkbox")).to_have_count(0)
    expect_statuses(chat, "running", "running", "complete")
    expect(column(chat, "amber")).to_contain_text("I am amber")
    expect(column(chat, "birch")).to_contain_text("I am birch")
    expect(chat.announcer).to_have_text("Answering")
    expect(chat.stop_button).to_be_visible()

    chat.page.reload()
    expect_statuses(chat, "running", "running", "complete")
    expect(column(chat, "birch")).to_contain_text("I am birch")
    upstream.release(2)
    expect_statuses(chat, "complete", "complete", "complete")
    expect(column(chat, "birch")).to_contain_text("I am birch and done")
    expect(chat.announcer).to_have_text("Answers complete")
    expect(chat.send_button).to_be_visible()
    assert sorted(received.body["model"] for received in upstream.chats) == sorted(MODELS[:3])


def test_placeholders_stand_at_once_and_each_can_be_stopped(chat: Chat, upstream: Upstream) -> None:
    for name in ("amber", "birch", "cedar"):
        upstream.play_as(name, Script("stall", (f"I am {name}",)))
    tick(chat, "birch", "cedar")
    with chat.page.expect_response("**/c/"):
        chat.send("Who are you?")
        expect(column(chat, "cedar")).to_be_visible()
    expect(column(chat, "birch")).to_contain_text("I am birch")
    column(chat, "birch").get_by_role("button", name="Stop").click()
    expect_statuses(chat, "running", "stopped", "running")
    expect(column(chat, "birch").get_by_role("button", name="Continue")).to_be_visible()
    expect(chat.composer).to_be_focused()  # the button is gone
    chat.stop_button.click()
    expect_statuses(chat, "stopped", "stopped", "stopped")
    expect(chat.send_button).to_be_visible()


def test_one_is_kept_and_the_arrows_lead_to_the_others(chat: Chat, upstream: Upstream) -> None:
    ask_two(chat, upstream)
    expect(chat.page.get_by_text("A new message follows the first.")).to_be_visible()
    chat.composer.hover()
    for name in ("amber", "birch"):
        expect(column(chat, name).get_by_role("button", name="Keep")).to_have_css("opacity", "1")
    column(chat, "birch").get_by_role("button", name="Keep this answer").click()
    expect(chat.answers).to_have_count(1)
    chat.expect_words("Birch says no.")
    expect(chat.answer).to_contain_text("2/2")
    expect(chat.composer).to_be_focused()
    expect(chat.page.get_by_role("combobox", name="Model")).to_have_value("birch")
    chat.act("Previous version").expect_words("Amber says so.")
    chat.act("Next version").expect_words("Birch says no.")
    chat.page.reload()
    chat.expect_words("Birch says no.")
    chat.ask("And now?")
    assert upstream.chats[-1].body["model"] == "birch"
    assert upstream.chats[-1].body["messages"][1]["content"] == "Birch says no."


def test_a_new_message_follows_the_first(chat: Chat, upstream: Upstream) -> None:
    ask_two(chat, upstream)
    chat.send("And now?")
    expect(chat.questions).to_have_count(2)
    chat.expect_status("complete")
    chat.page.reload()
    expect(chat.answers).to_have_count(2)
    expect(chat.answers.first).to_contain_text("Amber says so.")
    expect(chat.answers.first).to_contain_text("1/2")


def test_one_fails_and_is_tried_again_in_its_place(chat: Chat, upstream: Upstream) -> None:
    upstream.play_as("amber", "401")
    upstream.play_as("birch", Script("gated", ("I am birch", " and done")))
    tick(chat, "birch")
    chat.send("Who are you?")
    expect_statuses(chat, "failed", "running")
    expect(column(chat, "amber")).to_contain_text("rejected the site's key")
    upstream.play_as("amber", Script("answer", ("I am amber",)))
    column(chat, "amber").get_by_role("button", name="Retry").click()
    expect_statuses(chat, "complete", "running")
    expect(chat.answers.first).to_contain_text("I am amber")
    upstream.release()
    expect_statuses(chat, "complete", "complete")
    expect(column(chat, "birch")).to_contain_text("I am birch and done")


def test_a_quota_that_does_not_suffice_for_all(
    ann: Person, talk: Talk, upstream: Upstream, complaints: Complaints
) -> None:
    complaints.expect("429")
    with ann.visitor() as visitor:
        for number in range(8):
            *_, last = visitor.events(visitor.send(f"Question {number}")["events"])
            assert last.data["status"] == "complete"
    chat = talk()
    tick(chat, "birch", "cedar")
    chat.send("One too many")
    expect(chat.page.locator("#composer-error")).to_contain_text("left for 3 answers")
    expect(chat.composer).to_have_value("One too many")
    expect(chat.answers).to_have_count(0)
    opener = chat.page.locator("summary", has_text="Compare models")
    expect(opener).to_contain_text("3")
    opener.click()
    chat.page.get_by_role("checkbox", name="cedar").uncheck()
    chat.composer.press("Enter")
    expect_statuses(chat, "complete", "complete")
    assert len(upstream.chats) == 10


def test_editing_the_question_takes_the_comparison_away(chat: Chat, upstream: Upstream) -> None:
    ask_two(chat, upstream)
    chat.questions.get_by_role("link", name="Edit").click()
    chat.send("Better asked")
    expect(chat.answers).to_have_count(1)
    expect(chat.page.get_by_role("group", name="Answers to compare")).to_have_count(0)
    chat.expect_status("complete").expect_words("Better asked")
    chat.questions.get_by_role("button", name="Previous version").click()
    expect_statuses(chat, "complete", "complete")


def test_by_keyboard_alone(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    expect(page.locator("compare-picker:defined")).to_be_attached()
    opener = page.locator("summary", has_text="Compare models")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("checkbox", name="birch"))
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(opener).to_contain_text("2")
    upstream.play_as("birch", Script("answer", ("Birch, by keyboard",)))
    tab_to(page, chat.composer, key="Shift+Tab")
    page.keyboard.type("Which?")
    page.keyboard.press("Enter")
    expect_statuses(chat, "complete", "complete")
    tab_to(page, column(chat, "birch").get_by_role("button", name="Keep"), key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(chat.answers).to_have_count(1)
    chat.expect_words("Birch, by keyboard")
    expect(chat.composer).to_be_focused()


def test_on_a_telephone_one_swipes(talk: Talk, upstream: Upstream) -> None:
    chat = talk(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    tick(chat, "birch", "cedar")
    chat.composer.fill("Which?")
    chat.send_button.tap()
    expect_statuses(chat, "complete", "complete", "complete")
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 360
    first, last = chat.answers.first, chat.answers.last
    expect(last).not_to_be_in_viewport()
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    expect(first).not_to_be_in_viewport()
    last.get_by_role("button", name="Keep this answer").tap()
    expect(chat.answer).to_contain_text("3/3")


@looks
def test_a_comparison(look: Look, talk: Talk, upstream: Upstream) -> None:
    chat = talk(**look.options)
    upstream.play_as("amber", "401")
    upstream.play_as("birch", Script("answer", ("```python\nprint(1, 'two')\n```\n",)))
    upstream.play_as("cedar", Script("stall", ("I am cedar",)))
    opener = tick(chat, "birch", "cedar")
    check(chat.page)
    chat.send("Who are you?")
    expect_statuses(chat, "failed", "complete", "running")
    expect(column(chat, "cedar")).to_contain_text("I am cedar")
    # Where the bar above covers half of a button, axe finds it small.
    chat.page.evaluate("scrollTo(0, 0)")
    check(chat.page)
    chat.stop_button.click()
    expect_statuses(chat, "failed", "complete", "stopped")
    expect(opener).to_be_visible()


# --- Without -----------------------------------------------------------------------------------------------------


def test_without_scripts(talk: Talk, upstream: Upstream, complaints: Complaints) -> None:
    complaints.expect("400")
    chat = talk(**OFF)
    page = chat.page
    tick(chat, *MODELS, scripts=False)
    chat.composer.fill("Who are you?")
    chat.send_button.click()
    expect(page.get_by_role("alert").first).to_contain_text("At most 3 models")
    expect(chat.composer).to_have_value("Who are you?")

    upstream.play_as("amber", Script("answer", ("I am amber",)))
    upstream.play_as("birch", Script("stall", ("I am birch",)))
    upstream.play_as("cedar", Script("stall", ("I am cedar",)))
    page.locator("summary", has_text="Compare models").click()
    expect(page.get_by_role("checkbox", name="dune")).to_be_checked()
    page.get_by_role("checkbox", name="dune").uncheck()
    chat.send_button.click()
    expect(page).to_have_url(CONVERSATION)
    expect(chat.answers).to_have_count(3)
    while chat.answers.first.get_attribute("data-status") != "complete":
        page.reload()
    column(chat, "birch").get_by_role("button", name="Stop").click()
    while chat.answers.nth(1).get_attribute("data-status") != "stopped":
        page.reload()
    expect_statuses(chat, "complete", "stopped", "running")
    chat.stop_button.click()
    while chat.answers.last.get_attribute("data-status") != "stopped":
        page.reload()
    column(chat, "amber").get_by_role("button", name="Keep this answer").click()
    expect(chat.answers).to_have_count(1)
    expect(chat.answer).to_contain_text("1/3")
    chat.act("Next version")
    expect(chat.answer).to_contain_text("2/3")
