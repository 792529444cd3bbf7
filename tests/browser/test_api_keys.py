"""A key for a program: made, copied and revoked by keyboard; and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Open, Person

pytestmark = pytest.mark.browser

TEXT = re.compile(r"^ck_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$")
READ = "navigator.clipboard.readText()"


def open_keys(page: Page, person: Person) -> Page:
    page.goto(f"{person.url}/settings/security/")
    page.get_by_role("link", name="API keys").click()
    expect(page.get_by_role("heading", name="API keys", level=1)).to_be_visible()
    return page


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    expect(target).to_be_focused()


def cards(page: Page) -> Locator:
    return page.get_by_role("heading", level=3)


def test_by_keyboard(ann: Person, open_browser: Open) -> None:
    page = open_keys(open_browser(ann, permissions=["clipboard-read", "clipboard-write"]), ann)
    tab_to(page, page.get_by_label("Name"))
    page.keyboard.type("Nightly script")
    tab_to(page, page.get_by_label("Read conversations"))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    text = page.get_by_label("Your new API key")
    expect(text).to_be_focused()
    expect(text).to_have_value(TEXT)
    tab_to(page, page.get_by_role("button", name="Copy"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    expect(page.locator("[data-copied]")).to_have_text("Copied")
    assert page.evaluate(READ) == text.input_value()

    expect(cards(page)).to_have_text(["Nightly script"])
    expect(page.get_by_role("list", name="May be used to")).to_contain_text("Read conversations")
    tab_to(page, page.get_by_role("link", name="Revoke…"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Revoke this key?")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Revoke"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The key “Nightly script” has been revoked.")).to_be_visible()
    expect(cards(page)).to_have_count(0)
    page.get_by_text("Ended keys").click()
    expect(page.get_by_role("listitem").filter(has_text="Nightly script")).to_contain_text(
        "revoked"
    )


def test_pressed_twice_and_reloaded_it_is_one_key(ann: Person, open_browser: Open) -> None:
    page = open_keys(open_browser(ann), ann)
    page.get_by_label("Name").fill("Once")
    page.get_by_role("button", name="Create key").dblclick()
    expect(page.get_by_label("Your new API key")).to_have_value(TEXT)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("its text cannot be shown again")
    expect(page.get_by_label("Your new API key")).to_have_count(0)
    expect(cards(page)).to_have_text(["Once"])


def test_over_plain_http_the_old_command_copies(ann: Person, open_browser: Open) -> None:
    """Where there is no clipboard, as on another computer's address without TLS."""
    page = open_browser(ann, permissions=["clipboard-read"])
    page.add_init_script("delete Navigator.prototype.clipboard;")
    open_keys(page, ann)
    page.get_by_label("Name").fill("Old")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.get_by_label("Your new API key")
    selected = text.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert selected == text.input_value()


def test_without_scripts(ann: Person, open_browser: Open) -> None:
    page = open_keys(open_browser(ann, java_script_enabled=False), ann)
    page.get_by_label("Name").fill("Plain")
    page.get_by_text("Limits of this key").click()
    page.get_by_label("Requests a day").fill("5")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_label("Your new API key")).to_have_value(TEXT)
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    expect(page.get_by_role("row", name="Today")).to_contain_text("0 of 5")
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The key “Plain” has been revoked.")).to_be_visible()
    expect(cards(page)).to_have_count(0)
