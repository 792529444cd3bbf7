"""Second factors: set up, asked for, used once, removed. Passkeys themselves need a browser: tests/browser has them."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEntry, User
from tests.accounts.codes import PERIOD_SECONDS, SECRET, code_of, give_app
from tests.accounts.doors import browser, is_signed_in, sign_in
from tests.accounts.test_admin import act, inline_parts
from tests.conftest import PASSWORD

PAGE = "/settings/security/"
APP = f"{PAGE}app/"
STEP = "/accounts/code/"


def confirmed(login: str = "alice") -> Client:
    """A browser in which this person has just entered the password again."""
    client = browser(login)
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def enter(client: Client, code: str) -> bool:
    """Whether the second step opened."""
    return client.post(STEP, {"code": code}).status_code == 302


def test_setting_an_app_up(alice: User) -> None:
    client = browser("alice")
    asked = client.get(APP)
    assert asked["Location"] == f"/accounts/reauthenticate/?next={quote(APP, safe='')}"
    client.post(asked["Location"], {"password": PASSWORD, "next": APP})
    page = client.get(APP).content.decode()
    assert inline_parts(page) == []
    assert 'src="data:image/svg+xml' in page
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found
    wrong = client.post(APP, {"code": "000000"}).content.decode()
    assert "Incorrect code" in wrong
    assert found[1] in wrong  # the same key: nothing has to be scanned again
    done = client.post(APP, {"code": code_of(found[1])})
    assert (done.status_code, done["Location"]) == (302, f"{PAGE}codes/")
    assert (
        len(re.findall(r"<code>\d{8}</code>", client.get(done["Location"]).content.decode())) == 10
    )
    assert "10 codes are left" in client.get(PAGE).content.decode()


def test_the_password_is_not_enough(alice: User) -> None:
    give_app(alice)
    client = Client()
    assert sign_in(client, "alice") == 302
    assert not is_signed_in(client)
    assert 'autocomplete="one-time-code"' in client.get(STEP).content.decode()
    assert not enter(client, "123456")
    assert not is_signed_in(client)
    assert enter(client, code_of())
    assert is_signed_in(client)


def test_a_code_lets_in_once(alice: User) -> None:
    """Also after the period in which allauth remembers it, while it is still valid."""
    give_app(alice)
    before = code_of(at=time.time() - PERIOD_SECONDS)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "alice")
    assert enter(first, before)
    cache.delete(f"allauth.mfa.totp.used?user={alice.pk}&code={before}")
    assert not enter(second, before)


def test_a_recovery_code_lets_in_once(alice: User) -> None:
    codes = give_app(alice)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "alice")
    assert enter(first, codes[0])
    assert is_signed_in(first)
    assert not enter(second, codes[0])
    assert "9 codes are left" in first.get(PAGE).content.decode()


def test_codes_of_others_are_nothing(alice: User, bob: User) -> None:
    codes = give_app(bob)
    give_app(alice)
    client = Client()
    sign_in(client, "alice")
    assert not enter(client, codes[0])


@pytest.mark.parametrize(
    "junk", ["", " ", "\x00", "１２３４５６", "x" * 10_000, "12345678901234567890"]
)
def test_junk_is_no_code(alice: User, junk: str) -> None:
    give_app(alice)
    client = Client()
    sign_in(client, "alice")
    assert client.post(STEP, {"code": junk}).status_code == 200
    assert not is_signed_in(client)


def test_guessing_is_stopped(alice: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
    give_app(alice)
    client = Client()
    sign_in(client, "alice")
    for _ in range(6):
        page = client.post(STEP, {"code": "000000"}).content.decode()
    assert "Too many" in page
    assert not enter(client, code_of())


def test_the_second_step_without_the_first(alice: User) -> None:
    give_app(alice)
    for client in (Client(), browser_before_step("nobody")):
        response = client.get(STEP)
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/")


def browser_before_step(login: str) -> Client:
    client = Client()
    sign_in(client, login)
    return client


def test_such_a_session_ends_like_any_other(alice: User, sasha_client: Client) -> None:
    give_app(alice)
    client = browser_before_step("alice")
    enter(client, code_of())
    assert is_signed_in(client)
    act(sasha_client, "accounts/user", "suspend", alice)
    assert not is_signed_in(client)
    act(sasha_client, "accounts/user", "reactivate", alice)
    assert not is_signed_in(client)


def test_removing_the_app(alice: User) -> None:
    client = confirmed()
    give_app(alice)
    assert "your recovery codes end" in client.get(f"{APP}remove/").content.decode()
    assert client.post(f"{APP}remove/")["Location"] == PAGE
    assert not Authenticator.objects.filter(user=alice).exists()
    assert is_signed_in(browser("alice"))


def test_new_recovery_codes_end_the_old_ones(alice: User) -> None:
    client = confirmed()
    old = give_app(alice)
    assert "10 codes that are left" in client.get(f"{PAGE}codes/new/").content.decode()
    client.post(f"{PAGE}codes/new/")
    new = client.get(f"{PAGE}codes/download/").content.decode().split()
    assert len(new) == 10
    assert not set(new) & set(old)


@pytest.mark.parametrize("path", ["codes/", "codes/download/", "codes/new/", "app/remove/"])
def test_the_password_comes_first(alice: User, path: str) -> None:
    client = browser("alice")
    give_app(alice)
    response = client.get(PAGE + path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/")
    other = client.get("/accounts/reauthenticate/").content.decode()
    assert "/accounts/reauthenticate/code/" in other
    assert client.post("/accounts/reauthenticate/code/", {"code": code_of()}).status_code == 302
    assert client.get(PAGE + path).status_code == 200


def test_people_are_told_by_mail(
    transactional_db: None, alice: User, with_mail: None, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    alice.language = "zh-hans"
    alice.save(update_fields=["language"])
    client = confirmed()
    give_app(alice)
    client.post(f"{PAGE}codes/new/")
    client.post(f"{APP}remove/")
    subjects = [message.subject for message in mail.outbox]
    assert subjects == ["新的恢复代码", "验证器应用已移除"]
    for message in mail.outbox:
        assert "IP" in str(message.body)
        assert message.to == ["alice@example.org"]


def test_an_address_can_still_be_changed(alice: User, with_mail: None) -> None:
    client = browser("alice")
    give_app(alice)
    client.post("/accounts/email/", {"email": "new@example.org", "action_add": ""})
    assert [message.to for message in mail.outbox] == [["new@example.org"]]


# --- Passkeys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "is_secure", "is_possible"),
    [
        ("chat.example.org", True, True),
        ("chat.example.org", False, False),
        ("localhost:8000", False, True),
        ("chat.localhost", False, True),
        ("127.0.0.1:8000", False, False),
        ("192.0.2.1", True, False),
        ("[::1]:8000", False, False),
    ],
)
def test_where_passkeys_are_offered(
    alice: User, settings: Settings, host: str, is_secure: bool, is_possible: bool
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Client(headers={"host": host})
    page = client.get("/accounts/login/", secure=is_secure).content.decode()
    assert ("Sign in with a passkey" in page) == is_possible
    client.force_login(alice)
    assert (
        "Browsers make passkeys only" in client.get(PAGE, secure=is_secure).content.decode()
    ) != is_possible
    wanted = client.get(f"{PAGE}passkeys/new/", secure=is_secure)
    assert wanted["Location"].startswith("/accounts/reauthenticate/") == is_possible


@pytest.mark.parametrize(
    ("host", "there"),
    [
        ("127.0.0.1:8000", "http://localhost:8000/settings/security/"),
        ("[::1]", "http://localhost/settings/security/"),
        ("192.0.2.1:8000", ""),  # of another machine
        ("chat.example.org", ""),
    ],
)
def test_the_way_to_a_page_with_passkeys(
    alice: User, settings: Settings, host: str, there: str
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Client(headers={"host": host})
    client.force_login(alice)
    assert re.findall(r'href="(http://[^"]*)"', client.get(PAGE).content.decode()) == (
        [there] if there else []
    )


def test_no_way_to_a_host_that_is_refused(alice: User, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(alice)
    assert 'href="http://localhost' not in client.get(PAGE).content.decode()


HANDLE = {"userHandle": "MQ", "clientDataJSON": "e30", "authenticatorData": "", "signature": ""}
JUNK = [
    "",
    "x",
    "[]",
    "{}",
    "1",
    '{"id": 1}',
    json.dumps({"id": "eA", "rawId": "eA", "type": "public-key", "response": HANDLE}),
    json.dumps({"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}),
    json.dumps(
        {"id": "eA", "rawId": "eA", "type": "public-key", "response": {**HANDLE, "userHandle": 1}}
    ),
    json.dumps(
        {
            "id": "eA",
            "rawId": "eA",
            "type": "public-key",
            "response": {**HANDLE, "userHandle": "AA"},
        }
    ),
    "[" * 5000,
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_passkey(alice: User, junk: str) -> None:
    client = Client(headers={"host": "localhost"})
    question = client.get("/accounts/passkey/", headers={"accept": "application/json"}).json()
    assert question["request_options"]["publicKey"]["userVerification"] == "required"
    response = client.post("/accounts/passkey/", {"credential": junk})
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    client = Client(headers={"host": "localhost"})
    sign_in(client, "alice")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    question_page = client.get(f"{PAGE}passkeys/new/").content.decode()
    assert '"residentKey": "required"' in question_page
    refused = client.post(f"{PAGE}passkeys/new/", {"name": "x", "credential": junk})
    assert refused.status_code == 200
    assert 'role="alert"' in refused.content.decode()
    assert not Authenticator.objects.exists()


# --- Lost telephones -------------------------------------------------------------------------------------------------


def test_an_administrator_removes_them(
    transactional_db: None,
    with_mail: None,
    alice: User,
    bob: User,
    sasha_client: Client,
    settings: Settings,
) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    give_app(alice)
    page = act(sasha_client, "accounts/user", "remove_second_factors", alice, bob)
    assert "1 user signs in with the password alone now" in page
    assert is_signed_in(browser("alice"))
    entries = AuditEntry.objects.filter(action=AuditEntry.Action.FACTOR_REMOVED)
    assert [(entry.actor_name, entry.subject) for entry in entries] == [("sasha", alice)]
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


def test_nobody_else_does(alice: User, bob: User, sasha: User) -> None:
    give_app(sasha)
    give_app(alice)
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename__in=["view_user"]))
    act(browser("bob"), "accounts/user", "remove_second_factors", alice)
    assert Authenticator.objects.filter(user=alice).exists()
    bob.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    act(browser("bob"), "accounts/user", "remove_second_factors", sasha)
    assert Authenticator.objects.filter(user=sasha).exists()


def test_their_secrets_are_on_no_page_of_the_admin(alice: User, sasha_client: Client) -> None:
    give_app(alice)
    assert sasha_client.get("/admin/mfa/authenticator/").status_code == 404
    assert (
        SECRET not in sasha_client.get(f"/admin/accounts/user/{alice.pk}/delete/").content.decode()
    )
