"""Parameters of a conversation, by mouse, by keyboard and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Talk
from tests.browser.test_keyboard import tab_to
from tests.browser.test_without_scripts import OFF, refresh_until_status, submit
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


def summary(chat: Chat) -> Locator:
    return chat.page.locator("[data-drawer] summary")


def text(chat: Chat, name: str) -> Locator:
    return chat.page.get_by_role("textbox", name=name, exact=True)


def slider(chat: Chat, name: str) -> Locator:
    return chat.page.get_by_role("slider", name=name, exact=True)


def open_drawer(chat: Chat) -> Chat:
    summary(chat).click()
    expect(slider(chat, "Temperature")).to_be_visible()
    return chat


def sent(upstream: Upstream) -> dict[str, Any]:
    return upstream.chats[-1].body


# --- The drawer ------------------------------------------------------------------------------------------------------


def test_number_and_slider_say_the_same(chat: Chat) -> None:
    open_drawer(chat)
    temperature, its_slider = text(chat, "Temperature"), slider(chat, "Temperature")
    expect(its_slider).to_have_attribute("aria-valuetext", "Default")
    temperature.fill("1.5")
    expect(its_slider).to_have_value("1.5")
    its_slider.press("ArrowLeft")
    expect(temperature).to_have_value("1.4")
    chat.page.get_by_role("button", name="Temperature: back to the default").click()
    expect(temperature).to_have_value("")
    expect(temperature).to_be_focused()
    expect(its_slider).to_have_value("1")


def test_a_new_chat_sends_them_and_later_changes_are_kept(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    open_drawer(chat)
    text(chat, "Temperature").fill("0.5")
    page.keyboard.press("Tab")
    expect(page.locator("[data-count]")).to_have_text("1")
    page.keyboard.press("Escape")
    chat.ask("Hello")
    assert sent(upstream)["temperature"] == 0.5
    open_drawer(chat)
    expect(text(chat, "Temperature")).to_have_value("0.5")
    text(chat, "Top p").fill("0,25")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.get_by_role("button", name="Temperature: back to the default").click()
    expect(page.locator("[data-count]")).to_have_text("1")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    open_drawer(chat)
    expect(text(chat, "Top p")).to_have_value("0.25")
    expect(text(chat, "Temperature")).to_have_value("")
    chat.composer.click()
    expect(text(chat, "Top p")).to_be_hidden()
    chat.ask("Again")
    assert sent(upstream)["top_p"] == 0.25
    assert "temperature" not in sent(upstream)


def test_what_is_typed_counts_even_if_one_sends_at_once(chat: Chat, upstream: Upstream) -> None:
    chat.ask("Hello")
    open_drawer(chat)
    text(chat, "Temperature").fill("0.5")
    chat.ask("Again")
    assert sent(upstream)["temperature"] == 0.5


def test_parameters_by_keyboard(chat: Chat, upstream: Upstream) -> None:
    page = chat.page
    tab_to(page, summary(chat))
    page.keyboard.press("Enter")
    tab_to(page, slider(chat, "Temperature"))
    page.keyboard.press("End")
    expect(text(chat, "Temperature")).to_have_value("2")
    tab_to(page, text(chat, "Presence penalty"))
    page.keyboard.type("-1.5")
    page.keyboard.press("Enter")
    expect(chat.questions).to_have_count(0)
    page.keyboard.press("Escape")
    expect(text(chat, "Temperature")).to_be_hidden()
    expect(summary(chat)).to_be_focused()
    chat.ask("Hello")
    assert (sent(upstream)["temperature"], sent(upstream)["presence_penalty"]) == (2, -1.5)


def test_escape_in_the_drawer_does_not_stop_the_answer(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Begun", " and ended")))
    chat.send("Hello").expect_status("running").expect_words("Begun")
    open_drawer(chat)
    text(chat, "Temperature").press("Escape")
    expect(text(chat, "Temperature")).to_be_hidden()
    upstream.release()
    chat.expect_status("complete").expect_words("and ended")


def test_what_is_wrong_is_said_at_the_field(
    chat: Chat, upstream: Upstream, complaints: Complaints
) -> None:
    open_drawer(chat)
    temperature = text(chat, "Temperature")
    temperature.fill("hot")
    temperature.press("Enter")
    expect(temperature).to_have_accessible_description(
        "0 to 2. Low: to the point. High: more varied. Temperature has to be a number from 0 to 2."
    )
    expect(temperature).to_have_attribute("aria-invalid", "true")
    expect(temperature).to_have_value("hot")
    chat.page.keyboard.press("Escape")
    complaints.expect("400")
    chat.send("Hello")
    expect(chat.page.locator("[data-error]")).to_contain_text("a number from 0 to 2")
    expect(chat.composer).to_have_value("Hello")
    assert not upstream.chats


def test_what_the_role_sets_is_shown_behind_an_empty_field(chat: Chat) -> None:
    open_drawer(chat.open("/?preset=translator"))
    expect(text(chat, "Temperature")).to_have_attribute("placeholder", "0.3")
    expect(slider(chat, "Temperature")).to_have_value("0.3")
    expect(text(chat, "Presence penalty")).to_have_attribute("placeholder", "Default")


# --- Without scripts -------------------------------------------------------------------------------------------------


def test_parameters_without_scripts(talk: Talk, upstream: Upstream, complaints: Complaints) -> None:
    chat = talk(**OFF)
    summary(chat).click()
    text(chat, "Temperature").fill("0.5")
    summary(chat).click()
    submit(chat, "Hello")
    refresh_until_status(chat, "complete")
    assert sent(upstream)["temperature"] == 0.5

    save = chat.page.get_by_role("button", name="Save")
    summary(chat).click()
    text(chat, "Temperature").fill("")
    text(chat, "Top p").fill("7")
    complaints.expect("400")
    save.click()
    expect(text(chat, "Top p")).to_have_value("7")
    expect(text(chat, "Top p")).to_be_focused()
    expect(chat.page.get_by_text("Top p has to be a number from 0 to 1.")).to_be_visible()
    text(chat, "Top p").fill("0.7")
    save.click()
    expect(chat.page).to_have_title("Hello · Chatsite")
    expect(text(chat, "Temperature")).to_be_hidden()
    summary(chat).click()
    expect(text(chat, "Top p")).to_have_value("0.7")
    expect(text(chat, "Temperature")).to_have_value("")


# --- Looks -----------------------------------------------------------------------------------------------------------


@looks
def test_the_open_drawer(talk: Talk, look: Look) -> None:
    chat = open_drawer(talk(**look.options))
    text(chat, "Top p").fill("5")
    text(chat, "Top p").press("Enter")
    expect(chat.page.get_by_text("Top p has to be a number from 0 to 1.")).to_be_visible()
    check(chat.page)
