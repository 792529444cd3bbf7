"""Usage against known numbers: what a person asked, on their page and on the administrator's."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import until_whole
from tests.browser.looks import Look, check, looks
from tests.browser.people import Open, Person, administrator_cookies
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

THREE_MORE = """
from django.utils import timezone
from accounts.models import User
from tests.accounts.history import Spent, make_key, spend
user, now = User.objects.get(username={name!r}), timezone.now()
key = make_key(user, "Server", now=now)
for tokens in (1000, 2000, 3000):
    spend(user, Spent(tokens, 500, seconds_to_first_token=0.5), now=now, model="large", key=key)
"""


@pytest.fixture
def busy(site: Site, ann: Person, upstream: Upstream) -> Person:
    """Two questions in the browser, three through a key."""
    with ann.visitor() as visitor:
        for _ in range(2):
            upstream.play(Script("answer", ("Yes.",)))
            list(visitor.events(visitor.send("Is it?")["events"]))
    site.run(THREE_MORE.format(name=ann.name))
    return ann


def table(page: Page, name: str) -> list[str]:
    rows = page.get_by_role("table", name=name).locator("tbody tr").all()
    return [" ".join(row.inner_text().split()) for row in rows]


def test_a_persons_page(busy: Person, open_browser: Open) -> None:
    page = open_browser(busy)
    page.goto(busy.url)
    until_whole(page)
    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Usage").click()
    today = page.locator(".usage-account").first
    expect(today).to_contain_text("5 of 10")
    expect(today).to_contain_text("5 left")
    assert any("large 3 7,500" in row for row in table(page, "By model"))
    by_key = table(page, "By API key")
    assert by_key[0].startswith("Server ck_")
    assert " 3 7,500 " in by_key[0]
    assert by_key[1].startswith("Without a key 2 ")
    page.get_by_text("By day").click()
    assert " 5 " in table(page, "By day")[0]
    chart = page.get_by_role("img", name="Bars for each day")
    expect(chart.locator("title").last).to_contain_text(": 5")
    page.get_by_role("link", name="Tokens").click()
    expect(page.get_by_role("link", name="Tokens")).to_have_attribute("aria-current", "true")
    with page.expect_download() as file:
        page.get_by_role("link", name="Download the last year as CSV").click()
    assert file.value.path().read_text("utf-8-sig").count("\n") == 3


@looks
def test_the_administrators_page(busy: Person, open_browser: Open, look: Look) -> None:
    page = open_browser(**look.options)
    page.context.add_cookies(administrator_cookies(busy.url))
    page.goto(f"{busy.url}/admin/accounts/dailyusage/?show=tokens")
    rows = page.locator(".usage-results tbody tr")
    expect(rows.filter(has_text=busy.name)).to_contain_text("5")
    check(page)
    page.goto(f"{busy.url}/admin/accounts/dailyusage/?by=model&period=today")
    expect(rows.filter(has_text="large")).to_be_visible()
    check(page)
