"""A person changes their password, address, name, language and instructions, and closes other sessions."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts import selectors
from accounts.models import User
from tests.accounts.doors import browser, is_signed_in, link_in, sign_in
from tests.conftest import PASSWORD, signed_in

NEW = "a quite different phrase"


SETTINGS_PAGES = [
    "/settings/profile/",
    "/settings/security/",
    "/settings/sessions/",
    "/settings/keys/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/reauthenticate/",
    "/accounts/sessions/",
]


@pytest.mark.parametrize("address", SETTINGS_PAGES)
def test_pages_are_for_signed_in_people(address: str, alice: User) -> None:
    response = Client().get(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert signed_in(alice).get(address).status_code == 200


def test_settings_lead_to_the_profile(alice_client: Client) -> None:
    response = alice_client.get("/settings/")
    assert (response.status_code, response["Location"]) == (303, "/settings/profile/")


# --- Password -------------------------------------------------------------------------------------------------------


def test_changing_the_password_ends_all_other_sessions(alice: User) -> None:
    here, elsewhere = browser("alice"), browser("alice")
    response = here.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
    )
    assert response["Location"] == "/settings/security/"
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert sign_in(Client(), "alice") == 200
    assert sign_in(Client(), "alice", NEW) == 302


@pytest.mark.parametrize(
    "form",
    [
        {"oldpassword": "wrong", "password1": NEW, "password2": NEW},
        {"oldpassword": PASSWORD, "password1": NEW, "password2": "other"},
        {"oldpassword": PASSWORD, "password1": "123", "password2": "123"},
    ],
)
def test_a_bad_password_change_changes_nothing(alice: User, form: dict[str, str]) -> None:
    here = browser("alice")
    assert here.post("/accounts/password/change/", form).status_code == 200
    assert sign_in(Client(), "alice") == 302


def test_password_managers_find_the_page(alice_client: Client) -> None:
    response = alice_client.get("/.well-known/change-password")
    assert response["Location"] == "/accounts/password/change/"


@pytest.mark.parametrize("verification", [True, False])
def test_a_forgotten_password(alice: User, settings: Settings, verification: bool) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory" if verification else "none"
    open_elsewhere = browser("alice")
    client = Client()
    response = client.post("/accounts/password/reset/", {"email": "Alice@Example.org"}, follow=True)
    assert "has been sent" in response.content.decode()
    (message,) = mail.outbox
    assert message.subject == "Choose a new password"
    assert "alice" in str(message.body)
    page = client.get(link_in(message), follow=True)
    form_url = page.redirect_chain[-1][0]
    done = client.post(form_url, {"password1": NEW, "password2": NEW}, follow=True)
    assert "Your password has been changed" in done.content.decode()
    assert not is_signed_in(open_elsewhere)
    assert sign_in(Client(), "alice", NEW) == 302
    again = Client().get(link_in(message), follow=True)
    assert "used or has expired" in again.content.decode()


def test_an_unknown_address_is_not_given_away(client: Client, alice: User) -> None:
    pages = [
        client.post("/accounts/password/reset/", {"email": address}, follow=True).redirect_chain
        for address in ("alice@example.org", "nobody@example.org")
    ]
    assert pages[0] == pages[1]
    assert mail.outbox[1].subject == "No account has this address"


# --- Address --------------------------------------------------------------------------------------------------------


def change_address(client: Client, email: str) -> str:
    data = {"action_add": "", "email": email}
    return client.post("/accounts/email/", data, follow=True).content.decode()


def test_without_mail_a_new_address_counts_at_once(alice: User, alice_client: Client) -> None:
    assert "new@example.org" in change_address(alice_client, "New@Example.org")
    alice.refresh_from_db()
    assert alice.email == alice.email_key == "new@example.org"
    assert [row.email for row in EmailAddress.objects.filter(user=alice)] == ["new@example.org"]
    assert sign_in(Client(), "new@example.org") == 302


def test_without_mail_a_taken_address_is_refused(
    alice: User, bob: User, alice_client: Client
) -> None:
    assert "already registered" in change_address(alice_client, "BOB@example.org")
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_with_mail_a_new_address_waits_for_its_confirmation(
    alice: User, alice_client: Client, with_mail: None
) -> None:
    page = change_address(alice_client, "new@example.org")
    assert "new@example.org waits to be confirmed" in page
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    alice_client.post(link_in(mail.outbox[0]))
    alice.refresh_from_db()
    assert alice.email == alice.email_key == "new@example.org"
    assert EmailAddress.objects.get(user=alice).verified


def test_with_mail_the_change_can_be_called_off(
    alice: User, alice_client: Client, with_mail: None
) -> None:
    change_address(alice_client, "new@example.org")
    alice_client.post("/accounts/email/", {"action_remove": "", "email": "new@example.org"})
    assert EmailAddress.objects.get(user=alice).email == "alice@example.org"


def test_with_mail_a_taken_address_is_refused_when_it_is_confirmed(
    alice: User, bob: User, alice_client: Client, with_mail: None
) -> None:
    EmailAddress.objects.filter(user=bob).update(verified=False)
    change_address(alice_client, "bob@example.org")
    assert alice_client.post(link_in(mail.outbox[0])).status_code in {200, 302}
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


# --- Profile --------------------------------------------------------------------------------------------------------


def test_name_language_and_instructions(alice: User, alice_client: Client) -> None:
    form = {"username": "alicia", "language": "zh-hans", "custom_instructions": "Be brief."}
    response = alice_client.post("/settings/profile/", form)
    assert response.status_code == 303
    assert response.cookies["django_language"].value == "zh-hans"
    alice.refresh_from_db()
    assert (alice.username, alice.username_key) == ("alicia", "alicia")
    assert (alice.language, alice.custom_instructions) == ("zh-hans", "Be brief.")
    assert alice.email == "alice@example.org"
    assert sign_in(Client(), "alicia") == 302


@pytest.mark.parametrize(
    "change",
    [
        {"username": "BOB"},
        {"username": ""},
        {"username": "a/b"},
        {"username": "\ufb03" * 150},
        {"username": "\u0390" * 150},
        {"language": "xx"},
        {"custom_instructions": "x" * 4001},
    ],
)
def test_a_bad_profile_changes_nothing(
    alice: User, bob: User, alice_client: Client, change: dict[str, str]
) -> None:
    form = {"username": "alicia", "language": "en", "custom_instructions": "x", **change}
    assert alice_client.post("/settings/profile/", form).status_code == 400
    alice.refresh_from_db()
    assert (alice.username, alice.custom_instructions) == ("alice", "")


def test_a_name_taken_at_the_same_moment(
    alice: User, bob: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "is_username_taken", lambda name, but_by=None: False)
    form = {"username": "BOB", "language": "", "custom_instructions": ""}
    assert alice_client.post("/settings/profile/", form).status_code == 400
    alice.refresh_from_db()
    assert alice.username == "alice"


def test_a_profile_can_keep_its_name(alice: User, alice_client: Client) -> None:
    form = {"username": "Alice", "language": "", "custom_instructions": ""}
    assert alice_client.post("/settings/profile/", form).status_code == 303


def test_the_language_switch_is_remembered(alice: User, alice_client: Client) -> None:
    response = alice_client.post(
        "/language/", {"language": "zh-hans", "next": "/settings/profile/"}
    )
    assert response["Location"] == "/settings/profile/"
    alice.refresh_from_db()
    assert alice.language == "zh-hans"
    elsewhere = Client()
    sign_in(elsewhere, "alice")
    assert elsewhere.cookies["django_language"].value == "zh-hans"


def test_the_language_switch_works_for_everyone(client: Client, db: None) -> None:
    response = client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    assert response.cookies["django_language"].value == "zh-hans"
    assert client.get("/language/").status_code == 405


def test_an_unknown_language_is_ignored(alice: User, alice_client: Client) -> None:
    alice_client.post("/language/", {"language": "xx"})
    alice.refresh_from_db()
    assert alice.language == ""


# --- Sessions -------------------------------------------------------------------------------------------------------


def test_closing_all_other_sessions_acts_on_the_next_request(alice: User, bob: User) -> None:
    here, elsewhere, strangers = browser("alice"), browser("alice"), browser("bob")
    page = here.get("/settings/sessions/").content.decode()
    assert page.count("Testfox 1.0") == 2
    assert "127.0.0.1" in page
    response = here.post("/settings/sessions/")
    assert response["Location"] == "/settings/sessions/"
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(strangers)


def test_one_session_can_be_ended(alice: User) -> None:
    here, there, elsewhere = browser("alice"), browser("alice"), browser("alice")
    row = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/settings/sessions/{row.pk}/end/").status_code == 303
    assert is_signed_in(here)
    assert is_signed_in(elsewhere)
    assert not is_signed_in(there)


def test_stranger_gets_404(alice: User, bob: User) -> None:
    here, strangers = browser("alice"), browser("bob")
    row = UserSession.objects.get(user=alice)
    assert strangers.post(f"/settings/sessions/{row.pk}/end/").status_code == 404
    assert strangers.post(f"/settings/sessions/{row.pk + 1000}/end/").status_code == 404
    assert is_signed_in(here)


def test_ending_a_session_needs_a_post(alice: User, alice_client: Client) -> None:
    assert alice_client.get("/settings/sessions/1/end/").status_code == 405
    response = Client().post("/settings/sessions/1/end/")
    assert response["Location"].startswith("/accounts/login/")


def test_ending_a_session_needs_the_csrf_token(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/settings/sessions/").status_code == 403


def test_an_address_that_waits_opens_no_account_and_keeps_nobody_out(
    alice: User, sasha: User, alice_client: Client, client: Client, with_mail: None
) -> None:
    alice_client.post("/accounts/email/", {"email": "carol@example.org", "action_add": ""})
    mail.outbox.clear()
    client.post("/accounts/password/reset/", {"email": "carol@example.org"})
    assert "password/reset/key" not in mail.outbox[0].body
    carol = {"username": "carol", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", {**carol, "email": "Carol@Example.org"})
    client.post(link_in(mail.outbox[-1]))
    row = EmailAddress.objects.get(email="carol@example.org", verified=True)
    assert row.user == User.objects.get(username="carol")


def test_a_link_for_a_password_goes_to_the_address_as_it_is_kept(
    alice: User, client: Client, with_mail: None
) -> None:
    client.post("/accounts/password/reset/", {"email": "alice@\uff25xample.org"})
    assert [one.to for one in mail.outbox] == [["alice@example.org"]]
