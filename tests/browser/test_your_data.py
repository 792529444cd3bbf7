"""The page about one's own data, in a browser without scripts, from a real server."""

from __future__ import annotations

import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Look, all_looks, check
from tests.browser.people import PASSWORD, Complaints, Open, Person
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


def test_everything_is_downloaded(ann: Person, upstream: Upstream, open_browser: Open) -> None:
    upstream.play(Script("answer", ("An answer to keep.",)))
    with ann.visitor() as visitor:
        for _ in range(2):
            sent = visitor.send("../A question")
            list(visitor.events(sent["events"]))
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/settings/profile/")
    page.get_by_role("link", name="Your data").click()
    for _ in range(2):
        with page.expect_download() as started:
            page.get_by_role("button", name="Download").click()
        archive = zipfile.ZipFile(started.value.path())
        assert archive.testzip() is None
        names = archive.namelist()
        assert [name for name in names if name.endswith(".md")] == [
            "conversations/00001 A question.md",
            "conversations/00002 A question.md",
        ]
        assert "An answer to keep." in archive.read("conversations/00001 A question.md").decode()


def test_unused_conversations_are_to_go(
    ann: Person, upstream: Upstream, open_browser: Open
) -> None:
    with ann.visitor() as visitor:
        list(visitor.events(visitor.send("A question")["events"]))
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/settings/data/")
    expect(page.get_by_role("spinbutton")).to_have_count(0)
    page.get_by_label("goes after another").check()
    page.get_by_role("spinbutton").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete older conversations?")
    page.get_by_role("link", name="Keep them").click()
    expect(page.get_by_label("is kept")).to_be_checked()
    page.get_by_label("goes after 90 days").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("goes after 90 days")).to_be_checked()
    expect(page.get_by_role("heading", name="What goes next")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="A question")).to_be_visible()


@all_looks
def test_choosing_is_accessible(
    ann: Person, upstream: Upstream, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("status of 400")
    with ann.visitor() as visitor:
        list(visitor.events(visitor.send("A question with a long title " * 6)["events"]))
    page = open_browser(ann, **look.options)
    page.goto(f"{ann.url}/settings/data/")
    page.locator("[name=keep][value=other]").check()
    save = page.locator("form[action$='/retention/'] button")
    save.click()
    expect(page.get_by_role("spinbutton")).to_have_attribute("aria-invalid", "true")
    check(page)
    page.get_by_role("spinbutton").fill("1")
    save.click()
    expect(save).to_have_class("button button-danger")
    check(page)
    save.click()
    expect(page.locator(".going li")).to_have_count(1)
    check(page)


def test_the_account_is_deleted(ann: Person, open_browser: Open, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/settings/data/")
    page.get_by_role("link", name="Delete account").click()
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account has been deleted")
    page.goto(f"{ann.url}/settings/data/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
