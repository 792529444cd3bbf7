"""An administrator reads somebody's chats, with a reason; the person learns of both. In every light and width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Complaints, Open, Person
from tests.upstream import Upstream
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

REASON = "A complaint that came in on 3 May"


@looks
def test_with_a_reason_and_never_unseen(
    ann: Person, upstream: Upstream, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("400")
    with ann.visitor() as visitor:
        list(visitor.events(visitor.send("A private question")["events"]))
    password = ADMINISTRATOR["DJANGO_SUPERUSER_PASSWORD"]
    with Visitor(ann.url).sign_in("root", password) as visitor:
        found = visitor.http.get(f"/admin/accounts/user/?q={ann.name}").text
        cookies = [
            {"name": name, "value": value, "url": ann.url}
            for name, value in visitor.http.cookies.items()
        ]
    number = found.partition("/change/")[0].rpartition("/")[2]
    page = open_browser(**look.options)
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.context.add_cookies([{"name": "django_language", "value": look.language, "url": ann.url}])
    page.goto(f"{ann.url}/people/{number}/chats/")
    check(page)
    page.locator("[name=reason]").evaluate("field => field.removeAttribute('minlength')")
    page.locator("[name=reason]").fill("Short")
    page.locator("main [type=submit]").click()
    page.locator("[type=password]").fill(password)
    page.locator("main [type=submit]").click()
    expect(page.locator("[name=reason]")).to_have_attribute("aria-invalid", "true")
    check(page)
    page.locator("[name=reason]").fill(REASON)
    page.locator("main [type=submit]").click()
    check(page)
    page.get_by_role("link", name="A private question").click()
    expect(page.get_by_text("A private question").first).to_be_visible()
    check(page)
    own = open_browser(ann, **look.options)
    own.goto(f"{ann.url}/settings/activity/")
    expect(own.get_by_text(REASON)).to_be_visible()
    check(own)
