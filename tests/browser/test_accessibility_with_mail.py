"""Pages that only a site with mail, or with its door closed, ever shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Open
from tests.processes import Site, wait_for

pytestmark = pytest.mark.browser

NOWHERE = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "SIGN_IN_LIMITS": "off"}
LINK = re.compile(r"http://\S+/accounts/confirm-email/\S+")


def test_confirming_an_address(tmp_path: Path, open_browser: Open) -> None:
    """From sign-up by the link in the mail to the chat."""
    mails = tmp_path / "mails"
    mails.mkdir()
    variables = {**ADMINISTRATOR, **NOWHERE, "EMAIL_URL": f"filemail:///{mails}"}
    with Site(tmp_path / "site", **variables).wait_until_ready() as site:
        page = open_browser(**Look("dark", 360).options)
        page.goto(f"{site.url}/accounts/signup/")
        page.get_by_label("User name").fill("paula")
        page.get_by_label("E-mail address").fill("paula@example.org")
        page.get_by_label("Password", exact=True).fill("a long pass phrase")
        page.get_by_label("Password (again)").fill("a long pass phrase")
        check(page)
        page.get_by_role("button", name="Sign up").click()
        expect(page).to_have_url(re.compile("confirm-email"))
        check(page)
        link = wait_for(
            lambda: LINK.search("".join(mail.read_text() for mail in mails.iterdir())),
            what="the mail with the link",
        )
        assert link
        page.goto(link[0])
        check(page)
        page.locator("main button[type=submit]").click()
        expect(page).not_to_have_url(re.compile("confirm-email"))
        check(page)


@pytest.fixture(scope="module")
def closed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    variables = {**ADMINISTRATOR, **NOWHERE, "SIGNUP": "closed"}
    with Site(tmp_path_factory.mktemp("closed"), **variables) as running:
        yield running.wait_until_ready()


@looks
def test_the_closed_door(closed_site: Site, open_browser: Open, look: Look) -> None:
    page = open_browser(**look.options)
    page.goto(f"{closed_site.url}/accounts/signup/")
    check(page)
