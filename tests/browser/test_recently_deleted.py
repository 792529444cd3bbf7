"""The way back after Undo is gone: below all conversations, for as long as what was deleted is kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person, Talk
from tests.browser.test_sidebar import begin

pytestmark = pytest.mark.browser


def delete(person: Person, *paths: str) -> None:
    with person.visitor() as visitor:
        for path in paths:
            assert visitor.post(f"{path}delete/").status_code == 204


def titles(page: Page) -> Locator:
    """Of the conversations that are there."""
    return page.locator("[data-overview] .overview-rows a")


@pytest.mark.parametrize("scripts", [True, False])
def test_found_and_restored(ann: Person, talk: Talk, scripts: bool) -> None:
    delete(ann, *begin(ann, "Hot drinks", "Cold drinks", "Soup"))
    chat = talk(java_script_enabled=scripts)
    page = chat.open().page
    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Organize conversations").click()
    page.get_by_role("main").get_by_role("link", name="Recently deleted").click()
    expect(page.get_by_role("heading", name="Recently deleted")).to_be_in_viewport()
    expect(page.locator("#recently-deleted .overview-title")).to_have_text(
        ["Soup", "Cold drinks", "Hot drinks"]
    )
    page.get_by_role("button", name="Restore Cold drinks", exact=True).click()
    expect(page.get_by_text("The conversation has been restored.")).to_be_visible()
    expect(titles(page)).to_have_text(["Cold drinks"])
    page.get_by_role("button", name="Restore all").click()
    expect(page.get_by_text("2 conversations have been restored.")).to_be_visible()
    expect(titles(page)).to_have_text(["Soup", "Cold drinks", "Hot drinks"])
    expect(page.get_by_text("Recently deleted")).to_have_count(0)


def test_what_is_left_is_counted_down(ann: Person, talk: Talk) -> None:
    """The row whose button has the focus stays until the focus is elsewhere."""
    delete(ann, *begin(ann, "Hot drinks", "Cold drinks"))
    chat = talk()
    chat.page.clock.install()
    page = chat.open("/conversations/").page
    section = page.locator("#recently-deleted")
    left = section.locator("time")
    expect(left).to_have_text(["10 min left", "10 min left"])
    page.clock.run_for("03:00")
    expect(left).to_have_text(["7 min left", "7 min left"])
    section.get_by_role("button", name="Restore Hot drinks").focus()
    page.clock.run_for("07:05")
    expect(section.locator(".overview-title")).to_have_text(["Hot drinks"])
    expect(section.get_by_role("button", name="Restore Hot drinks")).to_be_focused()
    page.keyboard.press("Tab")
    expect(section.get_by_role("button", name="Restore all")).to_be_focused()
    page.clock.run_for("00:10")
    expect(left).to_have_count(0)
    page.get_by_role("main").get_by_label("Name").focus()
    page.clock.run_for("00:10")
    expect(page.get_by_text("Recently deleted")).to_have_count(0)
