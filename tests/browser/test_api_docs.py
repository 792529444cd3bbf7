"""The page that describes the REST API, in a browser: whole, from this site alone, and good for trying things out."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person
from tests.conversations.api.programs import operations
from tests.processes import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_browser: Open, site: Site) -> Page:
    """In a browser in which nobody is signed in; `open_browser` sees to it that it does not complain."""
    page = open_browser()
    page.goto(f"{site.url}/api/v1/docs")
    return page


def test_it_is_whole_and_asks_nobody_else(open_browser: Open, site: Site) -> None:
    page, asked = open_browser(), set[str]()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"{site.url}/api/v1/docs")
    expect(page.locator(".opblock")).to_have_count(len(list(operations())))
    expect(page.get_by_role("heading", name="Chatsite")).to_be_visible()
    page.locator(".opblock", has_text="Send a message").first.click()
    expect(
        page.get_by_text("Why is the sky blue?").or_(page.get_by_text("red in the evening")).first
    ).to_be_visible()
    assert {host for host in asked if host} == {urlsplit(site.url).netloc}
    assert not page.context.cookies()


@looks
def test_it_can_be_used_by_everybody(
    open_browser: Open, site: Site, complaints: Complaints, look: Look
) -> None:
    page = open_browser(**look.options)
    page.goto(f"{site.url}/api/v1/docs")
    operations_shown = page.locator(".opblock")
    for one in (operations_shown.first, operations_shown.filter(has_text="Send a message").first):
        one.locator(".opblock-summary-control").click()
    expect(page.get_by_text("Why is the sky blue?").first).to_be_visible()
    complaints.expect("401")
    page.get_by_role("button", name="Try it out").first.click()
    page.get_by_role("button", name="Execute").first.click()
    expect(page.get_by_role("button", name="Copy")).not_to_have_count(0)
    check(page)
    page.get_by_role("button", name="Authorize").first.click()
    expect(page.get_by_role("button", name="Close").first).to_be_visible()
    check(page, ".modal-ux")


def test_a_key_can_be_tried_out(page: Page, ann: Person, site: Site) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(site.make_key(ann.name))
    page.locator(".auth-btn-wrapper").get_by_role("button", name="Apply credentials").click()
    page.locator(".auth-btn-wrapper").get_by_role("button", name="Close").click()
    models = page.locator(".opblock", has_text="List models")
    models.locator(".opblock-summary-control").click()
    models.get_by_role("button", name="Try it out").click()
    models.get_by_role("button", name="Execute").click()
    expect(models.locator(".live-responses-table .response-col_status").last).to_have_text("200")
    expect(models.locator(".live-responses-table")).to_contain_text('"items"')
