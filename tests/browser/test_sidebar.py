"""The sidebar in use: menus, undo, folders, older rows, what runs, what is remembered."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person, Talk
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

NARROW = {"viewport": {"width": 390, "height": 800}}
# As a browser is that finds no quiet moment: only what names its patience is called at all.
NEVER_IDLE = """
window.requestIdleCallback = (run, { timeout } = {}) => timeout && setTimeout(run, timeout);
"""
UNREACHABLE = "The site cannot be reached. Check your connection and try again."


def menu_of(row: Locator) -> Locator:
    row.hover()
    row.get_by_role("button", name="Actions").click()
    return row.page.get_by_role("dialog")


def begin(person: Person, *titles: str) -> list[str]:
    """Their addresses; without a browser, and with the answers complete."""
    paths = []
    with person.visitor() as visitor:
        for title in titles:
            sent = visitor.send(title)
            list(visitor.events(sent["events"]))
            paths.append(str(sent["url"]))
    return paths


def headings(page: Page) -> Locator:
    return page.locator("conversation-list h2")


def test_habit_37_everything_from_the_menu_of_a_row(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks", "Cold drinks")
    page = chat.open().page
    row = chat.conversations.filter(has_text="Hot drinks")
    menu_of(row).get_by_role("button", name="Pin").click()
    expect(headings(page)).to_have_text(["Pinned", "Today"])
    expect(chat.conversations.first).to_contain_text("Hot drinks")

    menu = menu_of(row)
    menu.get_by_text("Tags").click()
    menu.get_by_label("New tag").fill("urgent")
    menu.get_by_role("button", name="Add").click()
    expect(menu.get_by_role("button", name="urgent")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    page.get_by_role("list", name="Tags").get_by_role("link", name="urgent").click()
    expect(chat.conversations).to_have_count(1)
    page.get_by_role("link", name="urgent: show all again").click()
    expect(chat.conversations).to_have_count(2)

    menu = menu_of(row)
    menu.get_by_role("button", name="Archive").click()
    expect(chat.conversations).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(chat.conversations).to_have_count(2)

    menu_of(row).get_by_role("button", name="Delete").click()
    expect(chat.conversations).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("link", name="Hot drinks")).to_be_focused()


def test_the_menus_come_to_a_computer_that_is_never_idle(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks")
    chat.page.add_init_script(NEVER_IDLE)
    chat.open().until_whole()
    expect(menu_of(chat.conversations.first).get_by_role("button", name="Pin")).to_be_visible()


def test_deleting_the_open_conversation_leads_on(ann: Person, chat: Chat) -> None:
    (path,) = begin(ann, "Hot drinks")
    page = chat.open(path).page
    menu_of(chat.conversations.first).get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The conversation has been deleted.")).to_be_visible()
    expect(page).to_have_url(f"{ann.url}/")
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(ann.url + path)


def test_what_does_not_arrive_is_said_in_the_menu(
    ann: Person, chat: Chat, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    (path,) = begin(ann, "Hot drinks")
    page = chat.open(path).page
    menu = menu_of(chat.conversations.first)
    menu.get_by_text("Rename").click()
    title = menu.get_by_label("Title")
    title.fill("Cold drinks")
    page.context.set_offline(True)
    for button in ("Delete", "Save"):
        with page.expect_event("requestfailed"):
            menu.get_by_role("button", name=button).click()
        expect(menu.get_by_role("alert")).to_have_text(UNREACHABLE)
    expect(title).to_have_value("Cold drinks")
    page.keyboard.press("Escape")
    chat.conversations.first.get_by_role("button", name="Actions").click()
    expect(page.locator("#composer-error")).to_have_text(UNREACHABLE)
    page.context.set_offline(False)
    menu_of(chat.conversations.first).get_by_text("Rename").click()
    title.fill("Cold drinks")
    menu.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Cold drinks", level=1)).to_be_visible()


def test_what_is_refused_is_said_in_the_menu(
    ann: Person, chat: Chat, complaints: Complaints
) -> None:
    """And nothing else is done instead: a second try does what the first one should have done."""
    complaints.expect("503")
    hot, cold = begin(ann, "Hot drinks", "Cold drinks")
    with ann.visitor() as visitor:
        visitor.post(f"{hot}folder/", {"name": "Play"})
        visitor.post(f"{cold}folder/", {"name": "Work"})
    page = chat.open(hot).page
    error = {"code": "busy", "message": "Come back in a minute."}
    page.route(
        "**/folder/", lambda route: route.fulfill(status=503, json={"error": error}), times=1
    )
    folders = page.locator("details.folder")
    menu = menu_of(folders.filter(has_text="Hot drinks").get_by_role("listitem"))
    menu.get_by_text("Move to folder").click()
    menu.get_by_role("button", name="Work").click()
    expect(menu.get_by_role("alert")).to_have_text("Come back in a minute.")
    check(page)
    expect(menu.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "true")
    menu.get_by_role("button", name="Work").click()
    expect(menu).to_be_hidden()
    with ann.visitor() as visitor:
        panel = visitor.http.get(f"{hot}menu/").text
    assert re.findall(r'aria-pressed="true"><bdi>(\w+)', panel) == ["Work"]


def test_the_toast_waits_for_a_pointer_or_the_focus(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks")
    page = chat.open().page
    page.clock.install()
    menu_of(chat.conversations.first).get_by_role("button", name="Delete").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.locator(".account-menu summary").click(trial=True, timeout=5_000)  # nothing is over it
    page.clock.run_for(7_000)
    undo.focus()
    page.clock.run_for(60_000)
    expect(undo).to_be_visible()
    undo.blur()
    page.clock.run_for(11_000)
    expect(undo).to_be_hidden()


def test_folders_open_and_stay_open(ann: Person, chat: Chat) -> None:
    begin(ann, "Hot drinks", "Cold drinks")
    page = chat.open().page
    menu = menu_of(chat.conversations.filter(has_text="Hot drinks"))
    menu.get_by_text("Move to folder").click()
    menu.get_by_label("New folder").fill("Work")
    menu.get_by_role("button", name="Add").click()
    expect(chat.conversations).to_have_count(1)
    folder = page.locator("details.folder")
    chat_in_it = folder.get_by_role("link", name="Hot drinks", exact=True)
    folder.locator("summary").click()
    expect(chat_in_it).to_be_visible()
    page.reload()
    expect(chat_in_it).to_be_visible()
    folder.locator("summary").click()
    expect(chat_in_it).to_be_hidden()


def test_habit_36_older_rows_come_while_scrolling(ann: Person, chat: Chat) -> None:
    """More than one page of them, made of one by branching; two tabs do not disturb each other."""
    (path,) = begin(ann, "Hot drinks")
    with ann.visitor() as visitor:
        answer = visitor.http.get(path, headers={"Accept": "application/json"}).json()["leaf"]
        for _number in range(70):
            assert visitor.post(f"{path}branch/", {"message": answer}).status_code == 201
    page = chat.open().page
    expect(chat.conversations).to_have_count(60)
    rows = page.locator("conversation-list")
    rows.evaluate("list => list.scrollTo(0, list.scrollHeight)")
    expect(chat.conversations).to_have_count(71)
    expect(page.get_by_role("link", name="Older conversations")).to_have_count(0)
    expect(headings(page)).to_have_text(["Today"])
    menu_of(chat.conversations.last).get_by_role("button", name="Delete").click()
    expect(chat.conversations).to_have_count(70)


def test_habit_17_the_sidebar_shows_what_runs_elsewhere(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("Begun", " and ended")))
    chat.send("Hello").expect_status("running").expect_words("Begun")
    row = chat.conversations.filter(has_text="Hello")
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(row).to_have_attribute("data-running", "")
    expect(row).to_contain_text("answering")
    upstream.release()
    expect(row).not_to_have_attribute("data-running", re.compile(""))


def test_habit_44_the_sidebar_collapses_and_stays_so(chat: Chat) -> None:
    page = chat.page
    has_script = expect(page.locator("chat-sidebar:defined"))
    has_script.to_have_count(1)
    page.get_by_role("button", name="Hide the sidebar").click()
    sidebar = page.locator("#sidebar")
    opener = page.get_by_role("link", name="Open the sidebar")
    expect(sidebar).to_be_hidden()
    expect(opener).to_be_focused()
    page.reload()
    expect(chat.composer).to_be_visible()
    expect(sidebar).to_be_hidden()
    has_script.to_have_count(1)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search conversations")).to_be_focused()
    page.keyboard.press("Escape")
    opener.click()
    expect(sidebar).to_be_visible()
    page.reload()
    expect(sidebar).to_be_visible()
    has_script.to_have_count(1)
    page.evaluate("document.dispatchEvent(new CustomEvent('sidebar:toggle'))")
    expect(sidebar).to_be_hidden()


def test_habit_44_it_is_a_drawer_on_phones(talk: Talk) -> None:
    chat = talk(**NARROW).until_whole()
    expect(chat.page.locator("#sidebar")).to_be_hidden()
    chat.page.get_by_role("link", name="Open the sidebar").click()
    expect(chat.page.get_by_role("link", name="New chat").first).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.page.locator("#sidebar")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
def test_several_are_deleted_together_and_brought_back(
    ann: Person, talk: Talk, scripts: bool
) -> None:
    begin(ann, "One", "Two", "Three", "Four")
    chat = talk(java_script_enabled=scripts)
    page = chat.open("/conversations/").page
    boxes = page.get_by_role("main").locator("[name=conversation]")
    expect(boxes).to_have_count(4)
    if scripts:
        boxes.nth(0).focus()
        page.keyboard.press("Space")
        boxes.nth(2).click(modifiers=["Shift"])
        expect(page.get_by_text("Selected: 3")).to_be_visible()
    else:
        for number in range(3):
            boxes.nth(number).check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("3 conversations have been deleted.")).to_be_visible()
    expect(boxes).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    page.goto(f"{ann.url}/conversations/")
    expect(boxes).to_have_count(4)
    page.set_viewport_size({"width": 360, "height": 740})
    row = page.locator(".overview-rows li").first
    title, date = row.get_by_role("link").bounding_box(), row.locator("time").bounding_box()
    assert title
    assert date
    assert date["y"] >= title["y"] + title["height"]  # it has the whole line


@looks
def test_pages_and_menus_are_accessible(ann: Person, open_browser: Open, look: Look) -> None:
    begin(ann, "Hot drinks")
    chat = Chat(open_browser(ann, **look.options), ann.url).open()
    page = chat.page
    if look.width < 960:
        page.get_by_role("link", name="Open the sidebar").click()
    menu = menu_of(chat.conversations.first)
    menu.get_by_text("Move to folder").click()
    menu.get_by_label("New folder").fill("Work \u202e and more")
    check(page)
    menu.get_by_role("button", name="Add").click()
    expect(page.locator("details.folder")).to_be_visible()
    check(page)
    for path in ("/conversations/", "/conversations/?archived=1"):
        page.goto(ann.url + path)
        check(page)
