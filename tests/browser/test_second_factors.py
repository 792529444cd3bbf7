"""Two steps to sign in: an app's code, a recovery code, a passkey of a virtual device. And a passkey alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.codes import code_of
from tests.browser.looks import Look, check, looks
from tests.browser.people import Complaints, Open, Person, sign_in

pytestmark = pytest.mark.browser

# Views whose pages axe looks at in here.
CHECKED = (
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",  # a file, or the page that says there is none
    "mfa_generate_recovery_codes",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
)


def by_name(person: Person) -> str:
    """The site's address with a name in it: browsers make passkeys for names only."""
    return person.url.replace("127.0.0.1", "localhost")


def confirm(page: Page, person: Person) -> None:
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def second_step(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()


def set_up_app(page: Page, person: Person) -> tuple[str, list[str]]:
    """The app's key and the recovery codes."""
    page.goto(f"{person.url}/settings/security/")
    page.get_by_role("link", name="Set up").click()
    confirm(page, person)
    page.get_by_text("Cannot scan it?").click()
    secret = page.locator(".secret code").inner_text()
    check(page)
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    check(page)
    return secret, page.locator(".codes code").all_inner_texts()


@looks
def test_an_app(ann: Person, open_browser: Open, look: Look) -> None:
    page = open_browser(ann, **look.options)
    _secret, codes = set_up_app(page, ann)
    assert len(codes) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_text().split() == codes

    sign_out(page, ann.url)
    sign_in(page, ann)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    check(page)
    second_step(page, "000000")
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    check(page)
    second_step(page, codes[0])
    expect(page).to_have_url(f"{ann.url}/")

    page.goto(f"{ann.url}/settings/security/")
    expect(page.get_by_text("9 codes are left")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Show the codes").click()
    page.get_by_role("link", name="Authenticator").click()
    check(page)
    page.get_by_label("Code").fill(codes[1])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="Make new codes…").click()
    check(page)
    page.goto(f"{ann.url}/settings/security/app/remove/")
    check(page)

    sign_out(page, ann.url)
    sign_in(page, ann)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{ann.url}/accounts/code/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_codes_of_an_app_let_in(ann: Person, open_browser: Open) -> None:
    """By keyboard alone, and without scripts."""
    secret, _codes = set_up_app(open_browser(ann), ann)
    page = open_browser(java_script_enabled=False)
    page.goto(f"{ann.url}/accounts/login/")
    page.get_by_label("User name or e-mail address").fill(ann.name)
    page.get_by_label("Password").fill(ann.password)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(code_of(secret))
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ann.url}/")


# --- Passkeys --------------------------------------------------------------------------------------------------------


class Device:
    """A telephone that keeps passkeys, and whose owner is there or is not."""

    def __init__(self, page: Page) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self.id = made["authenticatorId"]

    def owner_is_there(self, *, there: bool) -> None:
        """Without the owner the device refuses at once."""
        self.cdp.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": there}
        )


def add_passkey(page: Page, person: Person, name: str) -> None:
    page.goto(f"{by_name(person)}/settings/security/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page, person)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


@looks
def test_a_passkey(ann: Person, open_browser: Open, complaints: Complaints, look: Look) -> None:
    page = open_browser(**look.options)
    device = Device(page)
    page.goto(f"{by_name(ann)}/accounts/login/")
    check(page)
    sign_in(page, ann)
    page.goto(f"{by_name(ann)}/settings/security/passkeys/new/")
    confirm(page, ann)
    device.owner_is_there(there=False)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The browser made no passkey")
    check(page)
    device.owner_is_there(there=True)
    page.get_by_label("Name").fill("Blue telephone")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto(f"{by_name(ann)}/settings/security/")
    expect(page.get_by_text("Blue telephone")).to_be_visible()
    check(page)

    sign_out(page, by_name(ann))
    device.owner_is_there(there=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The browser gave no passkey")
    check(page)
    device.owner_is_there(there=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{by_name(ann)}/")

    page.goto(f"{by_name(ann)}/settings/security/")
    expect(page.get_by_text("last used")).to_be_visible()
    page.get_by_role("link", name=re.compile("Rename")).click()
    check(page)
    confirm(page, ann)
    check(page)
    page.get_by_label("Name").fill("Red telephone")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove “Red telephone”…").click()
    check(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey has been removed.")).to_be_visible()
    expect(page.get_by_text("Red telephone")).to_have_count(0)


def test_a_passkey_is_a_second_step_and_confirms(ann: Person, open_browser: Open) -> None:
    page = open_browser()
    Device(page)
    page.goto(f"{by_name(ann)}/accounts/login/")
    sign_in(page, ann)
    add_passkey(page, ann, "Telephone")
    sign_out(page, by_name(ann))
    sign_in(page, ann)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{by_name(ann)}/")

    page.goto(f"{by_name(ann)}/settings/security/codes/")
    page.get_by_role("link", name="Use a passkey").click()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_of_somebody_who_left(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    page = open_browser()
    Device(page)
    page.goto(f"{by_name(ann)}/accounts/login/")
    sign_in(page, ann)
    add_passkey(page, ann, "Telephone")
    page.goto(f"{by_name(ann)}/settings/security/")
    page.get_by_role("link", name="Remove “Telephone”…").click()
    page.get_by_role("button", name="Remove").click()
    sign_out(page, by_name(ann))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
