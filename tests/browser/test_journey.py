"""From the setup link to the door: one person's first day, with everything the chat page can do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import Chat
from tests.browser.people import PASSWORD, Open
from tests.processes import ShippedSite, Site, wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

FIRST_LINE = "Tell me about tea"
PIECES = ("Tea is", " a drink", " from leaves.", " It is old", " and never shown")


def setup_link(site: Site) -> str:
    found = wait_for(
        lambda: re.search(r"Create the administrator: (\S+)", site.text), what="the setup link"
    )
    assert found is not None
    return found[1]


def become_administrator(page: Page, site: Site) -> None:
    page.goto(setup_link(site))
    page.get_by_label("User name").fill("root")
    page.get_by_label("E-mail address").fill("root@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create the administrator").click()
    expect(page).to_have_url(f"{site.url}/")
    page.wait_for_load_state()  # before that Enter only breaks the line


def test_the_whole_journey(tmp_path: Path, upstream: Upstream, open_browser: Open) -> None:
    with ShippedSite(tmp_path, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site:
        page = open_browser()
        become_administrator(page, site)
        chat = Chat(page, site.url)
        expect(chat.composer).to_be_focused()
        expect(page.get_by_text("What can I help with?")).to_be_visible()
        asks_and_reloads(chat, upstream)
        reads_it_twice_more(chat, upstream, open_browser)
        stops_and_continues(chat, upstream)
        regenerates(chat)
        edits_the_first_message(chat)
        renames_and_deletes(chat)
        signs_out(chat)


def asks_and_reloads(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script.parse("gated", *PIECES))
    chat.page.keyboard.type(FIRST_LINE)
    chat.page.keyboard.press("Enter")
    chat.expect_status("running").expect_words("Tea is")
    expect(chat.page.get_by_text("What can I help with?")).to_be_hidden()
    upstream.release()
    chat.expect_words("Tea is a drink")
    chat.page.reload()
    chat.expect_status("running").expect_words("Tea is a drink")
    upstream.release()
    chat.expect_words("Tea is a drink from leaves.")


def reads_it_twice_more(chat: Chat, upstream: Upstream, open_browser: Open) -> None:
    second_tab = Chat(chat.page.context.new_page(), chat.site).open(chat.path)
    elsewhere = Chat(open_browser(), chat.site).open("/accounts/login/")
    elsewhere.page.get_by_label("User name or e-mail address").fill("root")
    elsewhere.page.get_by_label("Password").fill(PASSWORD)
    elsewhere.page.get_by_role("button", name="Sign in", exact=True).click()
    elsewhere.conversations.get_by_role("link", name=FIRST_LINE).first.click()
    for reader in (second_tab, elsewhere):
        reader.expect_status("running").expect_words("Tea is a drink from leaves.")
    upstream.release()
    for reader in (chat, second_tab, elsewhere):
        reader.expect_words("Tea is a drink from leaves. It is old")
    second_tab.page.close()
    elsewhere.page.context.close()


def stops_and_continues(chat: Chat, upstream: Upstream) -> None:
    chat.stop_button.click()
    chat.expect_status("stopped").expect_words("It is old")
    expect(chat.answer).to_contain_text("You stopped this answer.")
    upstream.say(" and well liked.")
    chat.act("Continue").expect_status("complete").expect_words("It is old and well liked.")


def regenerates(chat: Chat) -> None:
    chat.act("Regenerate").expect_status("complete").expect_words("You said")
    expect(chat.answers).to_have_count(1)
    expect(chat.answer).to_contain_text("2/2")
    chat.act("Previous version").expect_words("well liked")
    expect(chat.answer).to_contain_text("1/2")
    chat.page.reload()
    chat.expect_words("well liked")
    chat.act("Next version").expect_words("You said")
    expect(chat.answer).to_contain_text("2/2")


def edits_the_first_message(chat: Chat) -> None:
    chat.ask("And coffee?")
    chat.questions.first.get_by_role("link", name="Edit").click()
    expect(chat.composer).to_have_value(re.compile(FIRST_LINE))
    chat.composer.fill("Tell me about cocoa")
    chat.composer.press("Enter")
    chat.expect_words("cocoa").expect_status("complete")
    expect(chat.questions).to_have_count(1)
    expect(chat.questions.first).to_contain_text("2/2")
    chat.questions.first.get_by_role("button", name="Previous version").click()
    expect(chat.questions).to_have_count(2)
    expect(chat.questions.first).to_contain_text(FIRST_LINE)


def renames_and_deletes(chat: Chat) -> None:
    page = chat.page
    row = chat.conversations.filter(has_text=FIRST_LINE)
    open_menu(row).get_by_text("Rename").click()
    menu = page.get_by_role("dialog")
    menu.get_by_label("Title").fill("Hot drinks")
    menu.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Hot drinks", level=1)).to_be_visible()
    expect(chat.conversations.filter(has_text="Hot drinks")).to_have_count(1)

    chat.open().ask("A second one")
    chat.open().ask("A third one")
    expect(chat.conversations).to_have_count(3)
    row = chat.conversations.filter(has_text="Hot drinks")
    open_menu(row).get_by_role("button", name="Delete").click()
    expect(chat.conversations).to_have_count(2)
    expect(chat.conversations.filter(has_text="Hot drinks")).to_have_count(0)

    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Delete all conversations…").click()
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("2 conversations have been deleted.")).to_be_visible()
    expect(page.get_by_text("Your conversations will be listed here.")).to_be_visible()


def open_menu(row: Locator) -> Locator:
    row.hover()
    row.get_by_role("button", name="Actions").click()
    return row.page.get_by_role("dialog")


def signs_out(chat: Chat) -> None:
    page = chat.page
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{chat.site}/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
