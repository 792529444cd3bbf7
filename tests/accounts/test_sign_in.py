"""Sign-up, sign-in and sign-out: who is let in, and who no longer is."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts import services
from accounts.adapter import AccountAdapter
from accounts.models import User
from tests.accounts.doors import is_signed_in, link_in, sign_in
from tests.accounts.test_admin import inline_parts
from tests.conftest import PASSWORD, make_user

SIGNUP = {
    "username": "carol",
    "email": "Carol@Example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


PAGES = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-nonsense/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/nonsense/",
    "/accounts/inactive/",
]


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_is_ours(client: Client, sasha: User, address: str, language: str) -> None:
    page = client.get(address, headers={"accept-language": language})
    text = page.content.decode()
    assert page.status_code == 200
    assert 'id="main"' in text
    assert f'lang="{language}"' in text or 'lang="zh-Hans"' in text
    assert inline_parts(text) == []
    assert "placeholder=" not in text


def test_the_forms_name_their_fields(client: Client, sasha: User) -> None:
    sign_in_page = client.get("/accounts/login/").content.decode()
    assert "User name or e-mail address" in sign_in_page
    assert 'autocomplete="username"' in sign_in_page
    for name in ("username", "email", "password1", "password2"):
        assert f'name="{name}"' in client.get("/accounts/signup/").content.decode()


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/"])
def test_one_can_begin_to_type(client: Client, sasha: User, address: str) -> None:
    page = client.get(address).content.decode()
    assert page.count(" autofocus") == 1


def test_sign_up_signs_in(client: Client, sasha: User) -> None:
    assert client.get("/accounts/signup/").status_code == 200
    response = client.post("/accounts/signup/", SIGNUP)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert User.objects.get(username="carol").email == "carol@example.org"
    assert is_signed_in(client)


def test_sign_up_without_an_address(client: Client, sasha: User) -> None:
    response = client.post("/accounts/signup/", {**SIGNUP, "email": ""})
    assert response.status_code == 302
    assert not EmailAddress.objects.filter(user__username="carol").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"username": "ALICE"}, "already exists"),
        ({"username": "ａｌｉｃｅ"}, "already exists"),
        ({"username": "a b"}, "valid username"),
        ({"username": "\ufb03" * 150}, "too long"),
        ({"username": "\u0390" * 150}, "too long"),
        ({"email": "a@" + ".".join(["\u0390" * 60] * 3) + ".com"}, "too long"),
        ({"email": "ALICE@example.org"}, "already registered"),
        ({"email": "alice@ｅxample.org"}, "already registered"),
        ({"password1": "123", "password2": "123"}, "too short"),
        ({"password2": "other"}, "same password"),
    ],
)
def test_sign_up_refuses(
    client: Client, sasha: User, alice: User, change: dict[str, str], complaint: str
) -> None:
    response = client.post("/accounts/signup/", {**SIGNUP, **change})
    assert complaint in response.content.decode()
    assert User.objects.count() == 2


def test_a_name_taken_at_the_same_moment(
    client: Client, sasha: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccountAdapter, "clean_username", lambda self, name, shallow=False: name)
    response = client.post("/accounts/signup/", {**SIGNUP, "username": "ALICE"})
    assert response.status_code == 409
    assert not is_signed_in(client)
    assert User.objects.count() == 2


def test_sign_up_is_closed_without_an_administrator(client: Client, alice: User) -> None:
    page = client.get("/accounts/signup/").content.decode()
    assert "Sign-up is closed" in page
    assert "Open the setup link" in page
    client.post("/accounts/signup/", SIGNUP)
    assert User.objects.count() == 1


def test_sign_up_can_be_closed(client: Client, sasha: User, settings: Settings) -> None:
    assert "No account yet?" in client.get("/accounts/login/").content.decode()
    settings.SIGNUP = "closed"
    page = client.get("/accounts/signup/").content.decode()
    assert "Sign-up is closed" in page
    assert "No account yet?" not in client.get("/accounts/login/").content.decode()
    assert "administrator yet" not in page
    client.post("/accounts/signup/", SIGNUP)
    assert User.objects.count() == 1


@pytest.mark.parametrize("login", ["alice", "ALICE", "alice@example.org", "Alice@Example.org"])
def test_sign_in_by_name_or_address(client: Client, alice: User, login: str) -> None:
    assert sign_in(client, login) == 302
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("alice", ""), ("", PASSWORD)]
)
def test_wrong_credentials(client: Client, alice: User, login: str, password: str) -> None:
    assert sign_in(client, login, password) == 200
    assert not is_signed_in(client)


def test_sign_in_leads_where_one_was_going(client: Client, alice: User) -> None:
    response = client.get("/settings/security/")
    assert response["Location"] == "/accounts/login/?next=/settings/security/"
    data = {"login": "alice", "password": PASSWORD, "next": "/settings/security/"}
    assert client.post("/accounts/login/", data)["Location"] == "/settings/security/"


def test_sign_in_does_not_lead_elsewhere(client: Client, alice: User) -> None:
    data = {"login": "alice", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/accounts/login/", data)["Location"] == "/"


def test_sign_out(alice_client: Client) -> None:
    assert alice_client.get("/accounts/logout/").status_code == 200
    assert is_signed_in(alice_client)
    response = alice_client.post("/accounts/logout/")
    assert response["Location"] == "/accounts/login/"
    assert not is_signed_in(alice_client)


def test_a_suspended_user_is_out_with_the_next_request(alice: User, alice_client: Client) -> None:
    assert is_signed_in(alice_client)
    assert services.suspend([alice]) == 1
    assert not is_signed_in(alice_client)
    assert isinstance(get_user(alice_client), AnonymousUser)
    services.reactivate([alice])
    assert not is_signed_in(alice_client)
    assert sign_in(alice_client, "alice") == 302


def test_is_active_alone_decides(alice: User, alice_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_signed_in(alice_client)


def test_a_suspended_user_learns_why(client: Client, alice: User) -> None:
    services.suspend([alice])
    response = client.post(
        "/accounts/login/", {"login": "alice", "password": PASSWORD}, follow=True
    )
    assert "suspended" in response.content.decode()


def test_a_name_longer_than_any(client: Client, alice: User) -> None:
    assert sign_in(client, "a" * 100_000) == 200
    assert not is_signed_in(client)


def test_too_many_attempts(client: Client, alice: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    statuses = [sign_in(client, "alice", "wrong") for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert "Too many attempts" in client.post("/accounts/login/").content.decode()


def test_attempts_are_counted_whatever_the_request_calls_the_site(
    alice: User, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/5m/key"}
    wrong = {"login": "alice", "password": "wrong"}
    for host in ("localhost", "localhost:81"):
        Client(HTTP_HOST=host).post("/accounts/login/", wrong)
    right = {"login": "ALICE", "password": PASSWORD}
    page = Client(HTTP_HOST="chat.localhost:82").post("/accounts/login/", right)
    assert "Too many" in page.content.decode()


@pytest.mark.parametrize("login", ["alice", "alice@example.org", "nobody", "nobody@example.org"])
def test_time_does_not_tell_who_is_known(
    client: Client, alice: User, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes one password's time in any case."""
    hashed = []
    for name in ("check_password", "set_password"):
        method = getattr(User, name)

        def counted(self: User, text: str, method: Any = method) -> Any:
            hashed.append(text)
            return method(self, text)

        monkeypatch.setattr(User, name, counted)
    client.post("/accounts/login/", {"login": login, "password": "wrong"})
    assert hashed == ["wrong"]


def test_with_mail_an_address_is_confirmed_first(
    client: Client, sasha: User, with_mail: None
) -> None:
    response = client.post("/accounts/signup/", SIGNUP)
    assert response["Location"] == "/accounts/confirm-email/"
    assert "message with a link" in client.get("/accounts/confirm-email/").content.decode()
    assert not is_signed_in(client)
    (message,) = mail.outbox
    assert message.to == ["carol@example.org"]
    assert message.subject == "Confirm your e-mail address"
    link = link_in(message)
    assert "carol@example.org" in client.get(link).content.decode()
    client.post(link)
    assert EmailAddress.objects.get(email="carol@example.org").verified
    assert sign_in(Client(), "carol") == 302


def test_with_mail_an_address_is_needed(client: Client, sasha: User, with_mail: None) -> None:
    assert client.post("/accounts/signup/", {**SIGNUP, "email": ""}).status_code == 200
    assert not User.objects.filter(username="carol").exists()


def test_with_mail_a_taken_address_is_not_given_away(
    client: Client, sasha: User, alice: User, with_mail: None
) -> None:
    response = client.post("/accounts/signup/", {**SIGNUP, "email": "alice@example.org"})
    assert response["Location"] == "/accounts/confirm-email/"
    assert not User.objects.filter(username="carol").exists()
    assert mail.outbox[0].subject == "You already have an account"


@pytest.mark.parametrize("email", ["alice@example.org", "carol@example.org"])
def test_time_does_not_tell_who_has_an_account(
    client: Client,
    sasha: User,
    alice: User,
    with_mail: None,
    email: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A password is made ready in any case."""
    hashed = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    client.post("/accounts/signup/", {**SIGNUP, "email": email})
    assert hashed == [PASSWORD]


def test_a_wrong_confirmation_link(client: Client, db: None) -> None:
    response = client.get("/accounts/confirm-email/nonsense/")
    assert "used or has expired" in response.content.decode()


def test_with_mail_an_account_without_an_address_may_sign_in(
    client: Client, db: None, with_mail: None
) -> None:
    User.objects.create_user("noaddress", password=PASSWORD)
    assert sign_in(client, "noaddress") == 302
    assert is_signed_in(client)
    assert mail.outbox == []


def test_with_mail_an_unverified_address_must_be_confirmed(
    client: Client, db: None, with_mail: None
) -> None:
    user = make_user("dora")
    EmailAddress.objects.filter(user=user).update(verified=False)
    sign_in(client, "dora")
    assert not is_signed_in(client)
    client.post(link_in(mail.outbox[0]))
    assert sign_in(client, "dora") == 302
    assert is_signed_in(client)
