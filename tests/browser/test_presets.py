"""Role presets in a browser: found, made, used, compared with what they said before; with and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person
from tests.browser.test_without_scripts import refresh_until_status
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

WRITTEN = {
    "Icon": "🦉",
    "Name": "Tutor",
    "Description": "Asks instead of telling.",
    "Instruction": "Teach {{topic}}.\nAsk first.",
    "Greeting": "What shall we find out?",
    "Example prompts": "Why is the sky blue?\nHow do boats float?",
}
BORDER = "field => getComputedStyle(field).borderColor"
PRESET = re.compile(r"/presets/[0-9a-f-]{36}/$")


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=re.compile(f"^{name}( optional)?$"))


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


# --- Making one ------------------------------------------------------------------------------------------------------


def test_made_from_scratch_with_a_mistake_on_the_way(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    page = chat.open("/presets/").page
    page.get_by_role("link", name="New preset").click()
    for name, text in WRITTEN.items():
        field(page, name).fill(text)
    turns, parameters = (
        page.locator("summary", has_text=name) for name in ("Example turns", "Model and parameters")
    )
    turns.click()
    field(page, "Question").fill("Why is ice slippery?")
    page.get_by_role("button", name="Add an example").click()
    expect(field(page, "Question").last).to_be_focused()
    field(page, "Question").last.fill("Why do cats purr?")
    field(page, "Answer").last.fill("When do they?")
    parameters.click()
    field(page, "Temperature").fill("warm")
    field(page, "Longest answer").fill("500")
    parameters.click()
    complaints.expect("400")
    save(page)

    expect(page.get_by_role("alert")).to_contain_text("Nothing has been saved yet.")
    answer = field(page, "Answer").first
    expect(answer).to_be_focused()
    expect(answer).to_have_accessible_description(re.compile("Write the answer to this question"))
    colours = [one.evaluate(BORDER) for one in (answer, field(page, "Question").first)]
    assert colours[0] != colours[1]
    expect(field(page, "Temperature")).to_have_accessible_description(re.compile("Enter a number"))
    expect(field(page, "Temperature")).to_have_value("warm")
    answer.fill("What happens when you press it?")
    field(page, "Temperature").fill("0.7")
    save(page)

    expect(page.get_by_text("The role preset has been made.")).to_be_visible()
    for name, text in WRITTEN.items():
        expect(field(page, name)).to_have_value(text)
    page.get_by_role("link", name="Start a chat").click()
    expect(page.get_by_text(WRITTEN["Greeting"])).to_be_visible()
    expect(page.get_by_role("textbox", name="topic")).to_be_focused()
    page.keyboard.type("physics")
    page.get_by_role("link", name="How do boats float?").click()
    page.keyboard.press("Enter")
    chat.expect_status("complete")
    asked = upstream.chats[-1].body
    assert [message["content"] for message in asked["messages"]] == [
        "Teach physics.\nAsk first.",
        "Why is ice slippery?",
        "What happens when you press it?",
        "Why do cats purr?",
        "When do they?",
        "How do boats float?",
    ]
    assert (asked["temperature"], asked["max_tokens"]) == (0.7, 500)


def test_saved_in_one_tab_after_another_has_deleted_it(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    page = open_browser(ann)
    page.goto(f"{ann.url}/presets/")
    page.get_by_role("button", name="Duplicate: Translator").click()
    expect(page).to_have_url(PRESET)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("link", name="Delete…").click()
    other.get_by_role("button", name="Delete").click()
    expect(other.get_by_text("The role preset has been deleted.")).to_be_visible()

    field(page, "Instruction").fill("Written for an hour.")
    complaints.expect("404")
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("This role preset is gone")
    expect(field(page, "Instruction")).to_have_value("Written for an hour.")
    expect(field(page, "Temperature")).to_have_value("0.3")
    other.reload()
    expect(other.get_by_role("link", name="Translator (copy)")).to_have_count(0)
    save(page)
    expect(page.get_by_text("The role preset has been made.")).to_be_visible()
    expect(field(page, "Instruction")).to_have_value("Written for an hour.")


# --- Using and changing one ------------------------------------------------------------------------------------------


def test_make_use_and_compare_without_scripts(
    ann: Person, upstream: Upstream, open_browser: Open
) -> None:
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/presets/")
    page.get_by_label("Search role presets").fill("translat")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Translator")).to_be_visible()
    page.get_by_role("button", name="Duplicate: Translator").click()
    expect(page).to_have_url(PRESET)
    expect(page.get_by_label("Name")).to_have_value("Translator (copy)")
    page.get_by_label("Instruction").fill("Be brief.")
    page.get_by_label("Instruction").press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The role preset has been saved.")).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.locator("ins").filter(has_text="Be brief")).to_be_visible()
    expect(page.get_by_role("button", name="Restore version 1")).to_be_visible()
    page.get_by_role("link", name="Back to the preset").click()
    page.get_by_role("link", name="Start a chat").click()
    chat = Chat(page, ann.url)
    chat.composer.fill("Hello")
    chat.send_button.click()
    refresh_until_status(chat, "complete")
    assert upstream.chats[-1].body["messages"][0]["content"] == "Be brief."


@looks
def test_every_page(ann: Person, open_browser: Open, look: Look) -> None:
    page = open_browser(ann, **look.options)
    page.goto(f"{ann.url}/presets/")
    check(page)
    page.get_by_role("button", name="Duplicate: Translator").click()
    expect(page).to_have_url(PRESET)
    own = page.url
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The role preset has been saved.")).to_be_visible()
    for path in ("", "versions/", "delete/"):
        page.goto(own + path)
        check(page)
    for path in ("/presets/new/", "/presets/import/", "/presets/?q=mine"):
        page.goto(ann.url + path)
        check(page)
    page.goto(f"{ann.url}/presets/")
    page.get_by_role("link", name="Interviewer", exact=True).click()
    check(page)
