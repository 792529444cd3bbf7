"""Every page before one is signed in, errors and setup included: axe finds nothing, nothing sticks out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Studio
from tests.browser.looks import Look, all_in_turn, check, check_in_turn, looks, pairwise_in_turn
from tests.browser.people import Complaints, Open, Person
from tests.processes import Site, wait_for
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

ANONYMOUS = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "password-reset-done": "/accounts/password/reset/done/",
    "password-reset-bad-key": "/accounts/password/reset/key/1-abc-def/",
    "password-reset-from-key-done": "/accounts/password/reset/key/done/",
    "verification-sent": "/accounts/confirm-email/",
    "confirm-bad-key": "/accounts/confirm-email/nothing/",
    "inactive": "/accounts/inactive/",
    "waiting": "/accounts/waiting/",
    "farewell": "/accounts/deleted/",
    "offline": "/offline/",
}


@pairwise_in_turn(ANONYMOUS)
def test_anonymous_pages(site: Site, studio: Studio, in_turn: tuple[Look, ...], name: str) -> None:
    page = studio(in_turn[0], None, site.url)
    page.goto(site.url + ANONYMOUS[name])
    if name != "offline":  # which is made before anyone knows who reads it
        expect(page.locator("html")).to_have_attribute("lang", in_turn[0].language)
    check_in_turn(page, in_turn)


@looks
def test_a_form_with_errors(site: Site, studio: Studio, look: Look) -> None:
    page = studio(look, None, site.url)
    page.goto(f"{site.url}/accounts/signup/")
    page.get_by_label("User name").fill("root")
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("Password (again)").fill("87654321")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    check(page)


@looks
def test_password_reset_from_key(site: Site, ann: Person, open_browser: Open, look: Look) -> None:
    with Visitor(site.url) as visitor:
        visitor.submit("/accounts/password/reset/", {"email": ann.email})
    written = re.compile(rf"To: {ann.email}.*?(/accounts/password/reset/key/\S+)", re.S)
    found = wait_for(lambda: written.search(site.text), what="the mail")
    assert found is not None
    page = open_browser(**look.options)
    page.goto(site.url + found[1])
    expect(page.get_by_label("New Password", exact=True)).to_be_visible()
    check(page)


@looks
def test_not_found(site: Site, studio: Studio, complaints: Complaints, look: Look) -> None:
    complaints.expect("404")
    page = studio(look, None, site.url)
    page.goto(f"{site.url}/no-such-page/")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    check(page)


@looks
def test_a_form_that_is_too_old(
    site: Site, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("403")
    page = open_browser(**look.options)
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("User name or e-mail address").fill("ann")
    page.get_by_label("Password").fill("whatever")
    page.context.clear_cookies()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="This page is too old")).to_be_visible()
    check(page)


# --- A site without an administrator ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Nobody is there yet, and the limits at the door are on."""
    with Site(tmp_path_factory.mktemp("fresh")) as running:
        yield running.wait_until_ready()


def setup_path(site: Site) -> str:
    found = wait_for(lambda: re.search(r"(/setup/\S+)", site.text), what="the setup link")
    assert found is not None
    return found[1]


Where = Callable[[Site], str]
FRESH: dict[str, Where] = {
    "setup": setup_path,
    "setup-link-over": lambda _site: "/setup/not-a-token/",
    "signup-closed": lambda _site: "/accounts/signup/",
    "login": lambda _site: "/accounts/login/",
}


@pytest.mark.parametrize("where", FRESH.values(), ids=FRESH.keys())
@all_in_turn
def test_pages_before_the_administrator(
    fresh_site: Site,
    studio: Studio,
    complaints: Complaints,
    in_turn: tuple[Look, ...],
    where: Where,
) -> None:
    complaints.expect("404", "403")
    page = studio(in_turn[0], None, fresh_site.url)
    page.goto(fresh_site.url + where(fresh_site))
    check_in_turn(page, in_turn)


@looks
def test_too_many_attempts(
    fresh_site: Site, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("429")
    page = open_browser(**look.options)
    heading = page.get_by_role("heading", level=1)
    for _ in range(30):
        page.goto(f"{fresh_site.url}/accounts/password/reset/")
        if "Too many" in heading.inner_text():
            break
        page.get_by_label("mail").fill("nobody@example.org")
        page.get_by_role("button", name="Send the link").click()
        page.wait_for_url("**/reset/**")
        if "Too many" in heading.inner_text():
            break
    expect(heading).to_have_text("Too many attempts")
    check(page)
