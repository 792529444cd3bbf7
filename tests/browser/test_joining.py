"""Joining where not everybody may: by an invitation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Complaints, Open
from tests.processes import Site

pytestmark = pytest.mark.browser

# Views whose pages axe looks at in here.
CHECKED = ("accounts:invitation",)
NOWHERE = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "SIGN_IN_LIMITS": "off"}
ROOT, ROOTS_PASSWORD = "root", ADMINISTRATOR["DJANGO_SUPERUSER_PASSWORD"]
PASSWORD = "a long pass phrase"


@pytest.fixture(scope="module")
def by_invitation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("invite")
    with Site(folder, **ADMINISTRATOR, **NOWHERE, SIGNUP="invite") as running:
        yield running.wait_until_ready(with_models=False)


def open_admin(page: Page, site: Site, path: str) -> None:
    page.goto(f"{site.url}/admin/{path}")
    page.get_by_label("User name or e-mail address").fill(ROOT)
    page.get_by_label("Password").fill(ROOTS_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{site.url}/admin/{path}")


def sign_up(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()


@looks
def test_an_invitation(
    by_invitation: Site, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    """From the administration to the chat; the link works once."""
    complaints.expect("404")
    guest = open_browser(**look.options)
    guest.goto(f"{by_invitation.url}/accounts/login/")
    expect(guest.get_by_text("You need an invitation")).to_be_visible()
    check(guest)
    guest.goto(f"{by_invitation.url}/accounts/signup/")
    check(guest)

    admin = open_browser()
    open_admin(admin, by_invitation, "accounts/invitation/add/")
    admin.get_by_label("Note").fill("For the choir")
    admin.get_by_role("button", name="Save", exact=True).click()
    message = admin.locator(".messagelist").inner_text()
    (link,) = re.findall(r"http://\S+/invitation/\S+/", message)

    guest.goto(link)
    expect(guest.get_by_text("You have been invited")).to_be_visible()
    check(guest)
    name = f"guest{look.width}"
    sign_up(guest, name)
    expect(guest).to_have_url(f"{by_invitation.url}/")

    admin.reload()
    admin.locator("#result_list tbody a").first.click()
    expect(admin.get_by_text(name)).to_be_visible()

    late = open_browser(**look.options)
    late.goto(link)
    expect(late.get_by_role("heading", name="This invitation is over")).to_be_visible()
    check(late)
