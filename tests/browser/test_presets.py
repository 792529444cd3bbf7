"""Role presets in a browser: found, made, used, compared with what they said before; with and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Open, Person
from tests.browser.test_without_scripts import refresh_until_status
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

PRESET = re.compile(r"/presets/[0-9a-f-]{36}/$")


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
