"""Which role and which model: picked, shown, remembered, and what a role asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.chat import CONVERSATION, Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Complaints, Person, Talk
from tests.browser.test_keyboard import tab_to
from tests.browser.test_outbox import wait_until_held
from tests.browser.test_parameters import open_drawer, sent
from tests.browser.test_without_scripts import OFF, refresh_until_status, submit
from tests.processes import Site
from tests.upstream import Upstream
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

TOP = "element => element.getBoundingClientRect().top"
BOTTOM = "element => element.getBoundingClientRect().bottom"
PLAIN = "What can I help with?"
GREETING = "Whom shall we write to?"
LETTERS = {
    "slug": "letters",
    "language": "en",
    "name": "Letter writer",
    "icon": "✉️",
    "description": "Writes letters that get read.",
    "instruction": "Write a letter about {{topic}} to {{the reader}}.",
    "greeting": GREETING,
    "example_prompts": '["Ask for a refund", "Say thank you"]',
    "few_shot_turns": "[]",
    "temperature": "0.9",
    "enabled": "on",
    "position": "500",
}


# How much of what it shows a picker has no room for, in pixels.
CRAMPED = """picker => {
  const width = picker.offsetWidth;
  picker.style.position = "absolute";
  picker.style.maxInlineSize = "none";
  return picker.offsetWidth - width;
}"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Upstream]:
    with Upstream(models=("fake", "second")) as server:
        yield server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream) -> Iterator[Site]:
    """Two models, and a role that asks for two things."""
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": endpoint.url, "SIGN_IN_LIMITS": "off"}
    with Site(tmp_path_factory.mktemp("choices"), **variables) as running:
        running.wait_until_ready()
        name, password = (
            ADMINISTRATOR[f"DJANGO_SUPERUSER_{key}"] for key in ("USERNAME", "PASSWORD")
        )
        with Visitor(running.url).sign_in(name, password) as root:
            page = root.submit("/admin/conversations/rolepreset/add/", LETTERS)
            assert page.url.path == "/admin/conversations/rolepreset/", page.text
        yield running


def role(chat: Chat) -> Locator:
    return chat.page.get_by_label("Role preset")


def model(chat: Chat) -> Locator:
    return chat.page.get_by_role("combobox", name="Model", exact=True)


def header(chat: Chat) -> Locator:
    return chat.page.locator(".topbar")


def asked_for(chat: Chat, name: str) -> Locator:
    return chat.page.get_by_role("textbox", name=name, exact=True)


def instruction(upstream: Upstream) -> str:
    messages: list[dict[str, Any]] = sent(upstream)["messages"]
    return str(messages[0]["content"])


# --- Role and model --------------------------------------------------------------------------------------------------


def test_a_role_greets_at_once_and_the_draft_stays(chat: Chat) -> None:
    page = chat.page
    chat.composer.fill("My draft")
    open_drawer(chat)
    page.get_by_role("textbox", name="Top p").fill("0.5")
    page.keyboard.press("Escape")
    role(chat).select_option("letters")
    expect(page.get_by_text(GREETING)).to_be_visible()
    expect(page.get_by_role("link", name="Say thank you")).to_be_visible()
    expect(chat.composer).to_have_value("My draft")
    open_drawer(chat)
    expect(page.get_by_role("textbox", name="Top p")).to_have_value("0.5")
    expect(page.get_by_role("textbox", name="Temperature")).to_have_attribute("placeholder", "0.9")
    page.reload()
    expect(page.get_by_text(GREETING)).to_be_visible()
    expect(chat.composer).to_have_value("My draft")
    role(chat).select_option("")
    expect(page.get_by_text(PLAIN)).to_be_visible()
    expect(asked_for(chat, "topic")).to_have_count(0)


def test_habit_41_role_and_model_are_visible_and_remembered(chat: Chat) -> None:
    model(chat).select_option("second")
    role(chat).select_option("letters")
    expect(header(chat)).to_contain_text("Letter writer · second")
    chat.ask("Hello")
    expect(header(chat)).to_contain_text("Letter writer · second")
    expect(chat.answer.locator(".message-author")).to_contain_text("second")
    path = chat.path
    chat.open()
    expect(header(chat)).not_to_contain_text("Letter writer")
    expect(header(chat)).to_contain_text("fake")
    chat.open(path)
    expect(header(chat)).to_contain_text("Letter writer · second")
    expect(model(chat)).to_have_value("second")
    expect(role(chat)).to_have_value("letters")
    model(chat).select_option("fake")
    expect(header(chat)).to_contain_text("Letter writer · fake")
    chat.page.reload()
    expect(model(chat)).to_have_value("fake")


# --- What a role asks for --------------------------------------------------------------------------------------------


def test_variables_go_out_with_the_first_message_and_can_be_changed(
    chat: Chat, upstream: Upstream
) -> None:
    page = chat.page
    chat.open("/?preset=letters")
    expect(asked_for(chat, "topic")).to_be_focused()
    page.keyboard.type("tea")
    tab_to(page, asked_for(chat, "the reader"))
    page.keyboard.type("a friend")
    tab_to(page, chat.composer)
    chat.ask("Go on")
    assert instruction(upstream) == "Write a letter about tea to a friend."
    expect(asked_for(chat, "topic")).to_be_hidden()
    expect(page.locator("[data-saved]")).to_be_attached()  # the drawer is the conversation's by now
    open_drawer(chat)
    expect(asked_for(chat, "topic")).to_have_value("tea")
    asked_for(chat, "topic").fill("cocoa")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    chat.ask("Again")
    assert instruction(upstream) == "Write a letter about cocoa to a friend."


def test_a_drawer_that_is_open_when_the_page_learns_more_is_right_the_next_time(
    chat: Chat,
) -> None:
    page = chat.open("/?preset=letters").page
    asked_for(chat, "topic").fill("tea")
    held: list[Route] = []
    page.route(CONVERSATION, lambda route: held.append(route))
    chat.send("Go on").expect_status("complete")
    open_drawer(chat)
    wait_until_held(chat, held)
    for route in held:
        route.continue_()
    page.unroute(CONVERSATION)
    expect(page).to_have_title(re.compile("Go on"))
    expect(page.locator("[data-saved]")).not_to_be_attached()
    page.keyboard.press("Escape")
    chat.composer.click()
    expect(page.locator("[data-saved]")).to_be_attached()
    open_drawer(chat)
    expect(asked_for(chat, "topic")).to_have_value("tea")


def test_who_fills_in_while_another_model_is_on_its_way_goes_on(chat: Chat) -> None:
    page = chat.open("/?preset=letters").page
    asked_for(chat, "topic").fill("A e")
    held: list[Route] = []
    page.route("**/?*model=second*", lambda route: held.append(route))
    model(chat).select_option("second")
    wait_until_held(chat, held)
    asked_for(chat, "topic").focus()
    for key in ("End", "ArrowLeft", "t"):
        page.keyboard.press(key)
    held[0].continue_()
    expect(header(chat)).to_contain_text("Letter writer · second")
    page.keyboard.type("e")
    expect(asked_for(chat, "topic")).to_have_value("A tee")
    expect(asked_for(chat, "topic")).to_be_focused()


def test_what_is_left_open_keeps_nobody_from_sending(chat: Chat, upstream: Upstream) -> None:
    role(chat).focus()
    role(chat).select_option("letters")
    expect(asked_for(chat, "topic")).to_be_visible()
    expect(role(chat)).to_be_focused()
    chat.ask("Go on")
    assert instruction(upstream) == LETTERS["instruction"]


def test_what_is_filled_in_is_kept_for_each_role_until_it_is_sent(
    chat: Chat, ann: Person, upstream: Upstream, complaints: Complaints
) -> None:
    own = {"name": "Poet", "instruction": "Rhyme about {{topic}} and {{season}}."}
    with ann.visitor() as visitor:
        visitor.submit(
            "/presets/new/", {**own, "turns-TOTAL_FORMS": "0", "turns-INITIAL_FORMS": "0"}
        )
    page = chat.open("/?preset=letters").page
    asked_for(chat, "topic").fill("tea")
    asked_for(chat, "the reader").fill("a friend")
    role(chat).select_option(label="Poet")
    asked_for(chat, "season").fill("spring")
    expect(asked_for(chat, "topic")).to_have_value("tea")  # where nothing else has been written
    asked_for(chat, "topic").fill("rain")
    page.reload()
    expect(asked_for(chat, "topic")).to_have_value("rain")
    expect(chat.composer).to_be_focused()
    role(chat).select_option("letters")
    expect(asked_for(chat, "the reader")).to_have_value("a friend")
    expect(asked_for(chat, "topic")).to_have_value("tea")

    complaints.expect("ERR_FAILED")
    page.route("**/c/", lambda route: route.abort())
    chat.send("Go on")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    page.unroute("**/c/")
    page.reload()
    chat.expect_status("complete")
    assert instruction(upstream) == "Write a letter about tea to a friend."
    chat.open("/?preset=letters")
    expect(asked_for(chat, "topic")).to_be_focused()
    expect(asked_for(chat, "topic")).to_have_value("")
    expect(asked_for(chat, "the reader")).to_have_value("")
    role(chat).select_option(label="Poet")
    expect(asked_for(chat, "season")).to_have_value("spring")


def test_a_role_and_its_variables_without_scripts(talk: Talk, upstream: Upstream) -> None:
    chat = talk(**OFF)
    chat.composer.fill("My draft")
    role(chat).select_option("letters")
    chat.page.get_by_role("button", name="Apply").click()
    expect(chat.page.get_by_text(GREETING)).to_be_visible()
    expect(chat.composer).to_have_value("My draft")
    asked_for(chat, "topic").fill("tea")
    submit(chat, "Go on")
    refresh_until_status(chat, "complete")
    assert instruction(upstream) == "Write a letter about tea to {{the reader}}."
    chat.page.locator("[data-drawer] summary").click()
    asked_for(chat, "the reader").fill("a friend")
    chat.page.get_by_role("button", name="Save").click()
    submit(chat, "Again")
    refresh_until_status(chat, "complete")
    assert instruction(upstream) == "Write a letter about tea to a friend."


def test_lists_and_drawer_open_over_what_is_to_be_filled_in_and_below_the_header(
    talk: Talk,
) -> None:
    chat = talk(viewport={"width": 1280, "height": 640}).open("/?preset=letters")
    bottom = header(chat).evaluate(BOTTOM)
    chat.composer.press_sequentially("/")
    expect(options(chat).first).to_be_visible()
    assert options(chat).first.evaluate(TOP) >= bottom
    chat.composer.fill("")
    open_drawer(chat)
    assert chat.page.get_by_role("heading", name="Parameters").evaluate(TOP) >= bottom


@looks
def test_variables_look(talk: Talk, look: Look) -> None:
    chat = talk(**look.options).open("/?preset=letters")
    expect(asked_for(chat, "topic")).to_be_visible()
    check(chat.page)
    chat.ask("Go on")
    open_drawer(chat)
    check(chat.page)


# --- The slash menu --------------------------------------------------------------------------------------------------


def options(chat: Chat) -> Locator:
    return chat.page.get_by_role("listbox", name="Choose a role").get_by_role("option")


def test_a_slash_offers_the_roles(chat: Chat) -> None:
    page = chat.page
    page.keyboard.type("/")
    expect(options(chat).first).to_have_attribute("aria-selected", "true")
    assert options(chat).count() > 5
    expect(chat.composer).to_have_attribute("aria-expanded", "true")
    page.keyboard.type("letter")
    expect(options(chat)).to_have_count(1)
    expect(options(chat)).to_contain_text("Letter writer")
    expect(options(chat)).to_contain_text("Writes letters that get read.")
    page.keyboard.press("Enter")
    expect(chat.composer).to_have_value("")
    expect(page.get_by_text(GREETING)).to_be_visible()
    expect(role(chat)).to_have_value("letters")
    expect(asked_for(chat, "topic")).to_be_focused()
    expect(chat.questions).to_have_count(0)


def test_arrows_and_tab_in_the_slash_menu(chat: Chat) -> None:
    page = chat.page
    page.keyboard.type("/")
    first, second = options(chat).nth(0), options(chat).nth(1)
    expect(first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(options(chat).last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    key = second.get_attribute("data-value")
    page.keyboard.press("Tab")
    expect(role(chat)).to_have_value(str(key))
    expect(chat.composer).to_be_focused()


def test_a_text_may_begin_with_a_slash(chat: Chat) -> None:
    page = chat.page
    page.keyboard.type("/")
    expect(options(chat).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(options(chat)).to_have_count(0)
    page.keyboard.type("t")
    expect(options(chat)).to_have_count(0)
    chat.composer.fill("")
    chat.composer.press_sequentially("/etc/hosts")
    expect(options(chat)).to_have_count(0)
    page.keyboard.press("Enter")
    chat.expect_status("complete")
    expect(chat.questions).to_contain_text("/etc/hosts")


def test_a_role_is_clicked_in_the_slash_menu(chat: Chat) -> None:
    chat.page.keyboard.type("/letter")
    options(chat).click()
    expect(role(chat)).to_have_value("letters")
    expect(chat.composer).to_have_value("")
    expect(options(chat)).to_have_count(0)
    expect(asked_for(chat, "topic")).to_be_focused()


def test_the_slash_menu_waits_for_an_input_method(chat: Chat) -> None:
    page = chat.page
    session = page.context.new_cdp_session(page)
    page.keyboard.type("/")
    expect(options(chat).first).to_be_visible()
    count = options(chat).count()
    session.send("Input.imeSetComposition", {"text": "xin", "selectionStart": 3, "selectionEnd": 3})
    expect(chat.composer).to_have_value("/xin")
    expect(options(chat)).to_have_count(count)
    press = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    session.send("Input.dispatchKeyEvent", press)
    expect(role(chat)).to_have_value("")
    session.send("Input.insertText", {"text": "letter"})
    expect(options(chat)).to_contain_text("Letter writer")
    chat.composer.fill("")
    session.send("Input.insertText", {"text": "、"})  # what the key of the slash makes in Chinese
    expect(options(chat)).to_have_count(count)
    expect(chat.questions).to_have_count(0)


def test_the_slash_menu_in_a_conversation_by_touch(talk: Talk) -> None:
    chat = talk(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    chat.composer.fill("Hello")
    chat.send_button.tap()
    chat.expect_status("complete")
    chat.composer.tap()
    chat.composer.press_sequentially("/tra")
    options(chat).first.tap()
    expect(role(chat)).to_have_value("translator")
    expect(header(chat)).to_contain_text("Translator")
    chat.page.reload()
    expect(role(chat)).to_have_value("translator")


@looks
def test_the_slash_menu_look(talk: Talk, look: Look) -> None:
    chat = talk(**look.options)
    chat.composer.press_sequentially("/")
    expect(options(chat).first).to_be_visible()
    check(chat.page)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_telephone_shows_which_model_and_role_are_chosen(talk: Talk, locale: str) -> None:
    telephone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = talk(locale=locale, **telephone).page
    for name in ("model", "preset"):
        assert page.locator(f"[data-picker={name}]").evaluate(CRAMPED) <= 0
