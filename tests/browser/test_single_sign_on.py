"""Through the issuer and back, past the content security policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import Look, check, looks
from tests.browser.people import ADMINISTRATOR, Complaints, Open
from tests.issuer import CLIENT, SECRET, Issuer
from tests.processes import Site

pytestmark = pytest.mark.browser

# Views whose pages axe looks at in here.
CHECKED = ("openid_connect_login", "openid_connect_callback")


@looks
def test_single_sign_on(
    tmp_path: Path, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("502")
    with Issuer() as issuer:
        issuer.knows("7", preferred_username="carol", email="c@example.org", email_verified=True)
        variables = {
            **ADMINISTRATOR,
            "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
            "OIDC_ISSUER": issuer.url,
            "OIDC_CLIENT_ID": CLIENT,
            "OIDC_CLIENT_SECRET": SECRET,
        }
        with Site(tmp_path / "site", **variables).wait_until_ready(with_models=False) as site:
            page = open_browser(**look.options)
            page.goto(f"{site.url}/settings/appearance/")
            check(page)
            issuer.userinfo = b"nothing"
            page.get_by_role("link", name="Sign in through 127.0.0.1").click()
            expect(page.get_by_role("heading", name="did not work")).to_be_visible()
            check(page)
            issuer.userinfo = None
            page.goto(f"{site.url}/settings/appearance/")
            page.get_by_role("link", name="Sign in through 127.0.0.1").click()
            expect(page).to_have_url(f"{site.url}/settings/appearance/")
            page.goto(f"{site.url}/settings/security/")
            check(page)
