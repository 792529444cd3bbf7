"""Role presets in a browser: found, made, used, compared, shared; with and without scripts, by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person, Talk
from tests.browser.test_keyboard import tab_to
from tests.browser.test_without_scripts import refresh_until_status
from tests.processes import Site
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
# What would be sent stays here, and is counted; so is what is asked of the server before that.
COUNT_SAVES = """() => {
  const form = document.querySelector("[data-preset-form]");
  Object.assign(form.dataset, {asked: 0, saves: 0});
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    form.dataset.saves++;
  });
  const {fetch} = window;
  window.fetch = (...words) => {
    form.dataset.asked++;
    return fetch(...words);
  };
}"""
PRESET = re.compile(r"/presets/[0-9a-f-]{36}/$")


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=re.compile(f"^{name}( optional)?$"))


def yours(page: Page) -> Locator:
    """In the gallery, where what other tests share stands, too."""
    return page.get_by_role("region", name="Yours")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


# --- Making one ------------------------------------------------------------------------------------------------------


def write_with_mistakes(page: Page) -> None:
    """All there is to write, but for the first answer, and with a temperature that is no number."""
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


def mend_mistakes(page: Page) -> None:
    """As the page shows them: marked, explained, the first one focused, and nothing lost."""
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


def send_its_example(chat: Chat) -> None:
    page = chat.page
    page.get_by_role("link", name="Start a chat").click()
    expect(page.get_by_text(WRITTEN["Greeting"])).to_be_visible()
    expect(page.get_by_role("textbox", name="topic")).to_be_focused()
    page.get_by_role("link", name="How do boats float?").click()
    page.get_by_role("textbox", name="topic").fill("physics")
    chat.send_button.click()
    expect(page).to_have_url(CONVERSATION)


def delete_at(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The role preset has been deleted.")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_made_with_a_mistake_on_the_way_used_and_deleted(
    talk: Talk, upstream: Upstream, complaints: Complaints, scripts: bool
) -> None:
    def wait(chat: Chat) -> None:
        if scripts:
            chat.expect_status("complete")
        else:
            refresh_until_status(chat, "complete")

    chat = talk(java_script_enabled=scripts).open("/presets/")
    page = chat.page
    page.get_by_role("link", name="New preset").click()
    write_with_mistakes(page)
    complaints.expect("400")
    save(page)
    mend_mistakes(page)
    save(page)
    expect(page.get_by_text("The role preset has been made.")).to_be_visible()
    for name, text in WRITTEN.items():
        expect(field(page, name)).to_have_value(text)

    own = page.url
    send_its_example(chat)
    wait(chat)
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

    path = chat.path
    delete_at(page, own)
    expect(yours(page).get_by_role("link", name="Tutor", exact=True)).to_have_count(0)
    chat.open(path).composer.fill("And planes?")
    chat.send_button.click()
    expect(chat.questions).to_have_count(2)
    wait(chat)
    assert upstream.chats[-1].body["messages"][0]["role"] == "user"


# --- By keyboard alone -----------------------------------------------------------------------------------------------


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def make_by_keyboard(page: Page, name: str, complaints: Complaints) -> None:
    press(page, page.get_by_role("link", name="New preset"))
    tab_to(page, field(page, "Name"))
    page.keyboard.type(name)
    complaints.expect("400")
    page.keyboard.press("Enter")
    expect(field(page, "Instruction")).to_be_focused()
    expect(field(page, "Name")).to_have_value(name)
    page.keyboard.type("Teach {{topic}}.")
    press(page, page.locator("summary", has_text="Model and parameters"))
    tab_to(page, field(page, "Temperature"))
    page.keyboard.type("0.7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The role preset has been made.")).to_be_visible()


def share_and_restore_by_keyboard(page: Page) -> None:
    tab_to(page, field(page, "Instruction"))
    page.keyboard.press("Control+End")
    page.keyboard.type(" Ask first.")
    press(page, page.get_by_label("Share it with everyone"), "Space")
    press(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_text("The role preset has been saved.")).to_be_visible()
    press(page, page.get_by_role("link", name="Versions"))
    expect(page.locator("ins")).to_contain_text("Ask first.")
    press(page, page.get_by_role("button", name="Restore version 1"))
    expect(page.get_by_text("Version 1 has been restored.")).to_be_visible()


def find_and_use_by_keyboard(chat: Chat, name: str) -> None:
    """What somebody else shares."""
    page = chat.open("/presets/").page
    tab_to(page, page.get_by_label("Search role presets"))
    page.keyboard.type(name.upper())
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"1 role preset matches “{name.upper()}”.")).to_be_visible()
    press(page, page.get_by_role("button", name=f"Duplicate: {name}"))
    expect(field(page, "Name")).to_have_value(f"{name} (copy)")
    press(page, page.get_by_role("link", name="Start a chat"))
    expect(page.get_by_role("textbox", name="topic")).to_be_focused()
    page.keyboard.type("physics")
    tab_to(page, chat.composer)
    page.keyboard.type("Why is the sky blue?")
    page.wait_for_load_state()  # before that Enter only breaks the line
    page.keyboard.press("Enter")
    chat.expect_status("complete")


def test_by_keyboard_alone(
    ann: Person,
    chat: Chat,
    site: Site,
    open_browser: Open,
    upstream: Upstream,
    complaints: Complaints,
) -> None:
    name = f"{ann.name}'s tutor"
    page = chat.open("/presets/").page
    make_by_keyboard(page, name, complaints)
    share_and_restore_by_keyboard(page)
    theirs = Chat(open_browser(Person(site)), site.url)
    find_and_use_by_keyboard(theirs, name)
    asked = upstream.chats[-1].body
    assert (asked["messages"][0]["content"], asked["temperature"]) == ("Teach physics.", 0.7)

    press(page, page.get_by_role("link", name="Back to the preset"))
    press(page, page.get_by_role("link", name="Delete…"))
    press(page, page.get_by_role("button", name="Delete"))
    expect(page.get_by_text("The role preset has been deleted.")).to_be_visible()
    theirs.open(f"/presets/?q={name}")
    expect(theirs.page.get_by_text(f"1 role preset matches “{name}”.")).to_be_visible()


# --- What is not lost ------------------------------------------------------------------------------------------------


def test_saved_in_one_tab_after_another_has_deleted_it(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    page = open_browser(ann)
    page.goto(f"{ann.url}/presets/")
    page.get_by_role("button", name="Duplicate: Translator").click()
    expect(page).to_have_url(PRESET)
    other = page.context.new_page()
    delete_at(other, page.url)

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


def test_what_was_written_outlasts_the_session_and_the_network(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    page = open_browser(ann)
    page.goto(f"{ann.url}/presets/new/")
    field(page, "Name").fill("Tutor")
    field(page, "Instruction").fill("Written for an hour.")
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("The site cannot be reached.")
    page.context.set_offline(False)
    page.context.clear_cookies(name="sessionid")
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("You have been signed out.")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Sign in again").click()
    sign_in = popup.value
    sign_in.get_by_label("User name").fill(ann.name)
    sign_in.get_by_label("Password").fill(ann.password)
    sign_in.get_by_role("button", name="Sign in", exact=True).click()
    expect(sign_in.get_by_text("What can I help with?")).to_be_visible()
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_text("The role preset has been made.")).to_be_visible()
    expect(field(page, "Instruction")).to_have_value("Written for an hour.")
    page.goto(f"{ann.url}/presets/")
    expect(yours(page).get_by_role("link", name="Tutor", exact=True)).to_have_count(1)


def test_a_press_before_and_one_after_the_page_is_whole_save_once(
    ann: Person, open_browser: Open
) -> None:
    """On a slow line a picture may still be on its way when somebody saves."""
    page = open_browser(ann)
    pictures: list[Route] = []
    page.route("**/icon.*.svg", lambda route: pictures.append(route))
    page.goto(f"{ann.url}/presets/new/", wait_until="domcontentloaded")
    page.evaluate(COUNT_SAVES)
    form = page.locator("[data-preset-form]")
    save(page)
    expect(form).to_have_attribute("data-saves", "1")
    for route in pictures:
        route.continue_()
    page.wait_for_load_state()
    save(page)
    assert form.get_attribute("data-asked") == "1"


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
