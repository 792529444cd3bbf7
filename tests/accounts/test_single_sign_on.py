"""Single sign-on with a scripted issuer: who gets in, into which account, and what an odd issuer cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core.checks import run_checks
from django.test import Client
from pytest_django import Settings

from accounts import services
from accounts.models import Plan, User
from tests.accounts.codes import give_app
from tests.accounts.doors import is_signed_in
from tests.accounts.test_invitations import invite, opened
from tests.issuer import Issuer
from tests.visitor import TLS

START = "/accounts/sso/"


def comes(client: Client | None = None, query: str = "") -> tuple[Client, Any]:
    """A browser that went to the issuer and came back, and the answer it got then."""
    client = client or Client()
    away = client.get(START + query)
    assert away.status_code == 302, away.content
    with httpx2.Client(trust_env=False, verify=TLS) as http:
        back = urlsplit(http.get(away["Location"]).headers["Location"])
    return client, client.get(back.path, dict(parse_qsl(back.query)))


def people() -> set[str]:
    return set(User.objects.values_list("username", flat=True)) - {"sasha"}


def test_a_new_person(issuer: Issuer) -> None:
    client, response = comes()
    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_signed_in(client)
    carol = User.objects.get(username="carol")
    assert (carol.email, carol.has_usable_password()) == ("carol@example.org", False)
    assert EmailAddress.objects.get(user=carol).verified
    again, _response = comes()
    assert is_signed_in(again)
    assert people() == {"carol"}
    assert set(issuer.asked) == {
        "/.well-known/openid-configuration", "/authorize", "/token", "/userinfo",
    }  # fmt: skip


def test_the_button(issuer: Issuer, client: Client) -> None:
    page = client.get("/accounts/login/?next=/presets/").content.decode()
    assert "Sign in through 127.0.0.1" in page
    assert 'href="/accounts/sso/?next=%2Fpresets%2F"' in page
    _client, response = comes(query="?next=/presets/")
    assert response["Location"] == "/presets/"
    _client, response = comes(query="?next=https://evil.example/")
    assert response["Location"] == "/"


def test_without_an_issuer_there_is_no_button(client: Client, sasha: User) -> None:
    assert "/accounts/sso/" not in client.get("/accounts/login/").content.decode()
    assert client.get(START).status_code == 404
    assert client.get(f"{START}back/").status_code == 404


# --- Accounts that are there already ---------------------------------------------------------------------------------


def test_an_address_that_both_sides_verified(issuer: Issuer, alice: User) -> None:
    issuer.knows("7", preferred_username="al", email="ALICE@example.org", email_verified=True)
    client, _response = comes()
    assert client.get("/settings/profile/").context["user"] == alice
    assert people() == {"alice"}
    alice.refresh_from_db()
    assert alice.has_usable_password()


@pytest.mark.parametrize("verified", [False, None, "false", 1, "yes", []])
def test_an_address_that_the_issuer_did_not_verify(
    issuer: Issuer, alice: User, verified: object
) -> None:
    issuer.knows("7", preferred_username="al", email="alice@example.org", email_verified=verified)
    client, response = comes()
    assert response.status_code == 409
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ({"email": "al@example.org", "email_verified": True}, {}),
        ({"email_verified": True}, {}),
        ({"email": "alice@example.org", "email_verified": True}, {"email_verified": False}),
    ],
)
def test_an_address_of_which_another_was_verified(
    issuer: Issuer, alice: User, token: dict[str, Any], told: dict[str, Any]
) -> None:
    issuer.knows("7", **token)
    issuer.userinfo = json.dumps({"sub": "7", "email": "alice@example.org", **told}).encode()
    client, response = comes()
    assert response.status_code == 409
    assert not is_signed_in(client)


@pytest.mark.parametrize("email", ["\uff41lice@example.org", "alice\uff20example.org"])
def test_an_address_that_is_read_like_another(issuer: Issuer, alice: User, email: str) -> None:
    """With a fullwidth letter: it may be another mailbox."""
    issuer.knows("7", preferred_username="carol", email=email, email_verified=True)
    client, _response = comes()
    assert client.get("/settings/profile/").context["user"].username == "carol"
    assert not EmailAddress.objects.exclude(
        user__in=(alice, *User.objects.filter(is_superuser=True))
    )


@pytest.mark.parametrize("sub", [None, True, "", "x" * 192, "a\x00b", {"a": 1}, ["7"], 1.5])
def test_nobody_in_particular(issuer: Issuer, sub: Any) -> None:
    """Of whom there may be many: they would share an account."""
    issuer.knows(sub, preferred_username="carol")
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)
    assert people() == set()


def test_what_is_kept_is_text(issuer: Issuer) -> None:
    """PostgreSQL keeps no NUL and no half of a pair, in whatever it is."""
    issuer.knows("7", preferred_username="ca\ud800rol", more={"\ud800\x00a": ["\udc00b"]})
    client, _response = comes()
    assert is_signed_in(client)
    kept = SocialAccount.objects.get().extra_data["userinfo"]
    assert (kept["preferred_username"], kept["more"]) == ("carol", {"a": ["b"]})


def test_an_address_that_was_not_verified_here(issuer: Issuer, alice: User) -> None:
    EmailAddress.objects.update(verified=False)
    issuer.knows("7", email="alice@example.org", email_verified=True)
    client, response = comes()
    assert response.status_code == 409
    assert "ask an administrator" in response.content.decode()
    assert not is_signed_in(client)
    alice.refresh_from_db()
    assert alice.has_usable_password()


def test_a_name_that_is_taken_gets_another(issuer: Issuer, alice: User) -> None:
    issuer.knows("7", preferred_username="ALICE", email="al@example.org", email_verified=True)
    client, _response = comes()
    assert is_signed_in(client)
    assert len(people()) == 2


@pytest.mark.parametrize("name", ["", "a b", "x" * 500, 7, None, "\x00", "<img src=x>"])
def test_an_odd_name(issuer: Issuer, name: object) -> None:
    issuer.knows("7", preferred_username=name, email="al@example.org", email_verified=True)
    _client, response = comes()
    assert response.status_code < 500 or "did not work" in response.content.decode()
    assert all(len(one) <= 150 and "<" not in one for one in people())


def test_without_an_address(issuer: Issuer, with_mail: None) -> None:
    issuer.knows("7", preferred_username="carol")
    client, _response = comes()
    assert is_signed_in(client)


# --- Who may come in -------------------------------------------------------------------------------------------------


def test_closed(issuer: Issuer, settings: Settings) -> None:
    settings.SIGNUP = "closed"
    client, response = comes()
    assert "Sign-up is closed" in response.content.decode()
    assert not is_signed_in(client)
    assert not people()


def test_by_approval(issuer: Issuer, settings: Settings) -> None:
    settings.SIGNUP = "approval"
    client, response = comes()
    assert response["Location"] == "/accounts/waiting/"
    services.approve(User.objects.filter(username="carol"))
    client, _response = comes()
    assert is_signed_in(client)


def test_by_invitation(issuer: Issuer, settings: Settings, sasha: User) -> None:
    settings.SIGNUP = "invite"
    _client, response = comes()
    assert "you need an invitation" in response.content.decode()
    plan = Plan.objects.create(name="Guests")
    invitation, link = invite(sasha, plan=plan, email="carol@example.org")
    client, _response = comes(opened(link))
    assert is_signed_in(client)
    carol = User.objects.get(username="carol")
    assert (carol.plan, carol.invitation) == (plan, invitation)


@pytest.mark.parametrize("verified", [True, False])
def test_an_invitation_for_another(
    issuer: Issuer, settings: Settings, sasha: User, verified: bool
) -> None:
    settings.SIGNUP = "invite"
    email = "eve@example.org" if verified else "carol@example.org"
    issuer.knows("7", preferred_username="eve", email=email, email_verified=verified)
    _invitation, link = invite(sasha, email="carol@example.org")
    client, response = comes(opened(link))
    assert response.status_code == 403
    assert not is_signed_in(client)
    assert not people()


def test_the_suspended(issuer: Issuer) -> None:
    comes()
    services.suspend(User.objects.filter(username="carol"))
    client, response = comes()
    assert response["Location"] == "/accounts/inactive/"
    assert not is_signed_in(client)


def test_a_second_factor_is_still_asked_for(issuer: Issuer, alice: User) -> None:
    give_app(alice)
    issuer.knows("7", email="alice@example.org", email_verified=True)
    client, response = comes()
    assert response["Location"] == "/accounts/code/"
    assert not is_signed_in(client)


def test_nobody_is_connected_by_a_link(issuer: Issuer, alice_client: Client, alice: User) -> None:
    """It would let whoever made the link into the account of whoever follows it."""
    response = alice_client.get(f"{START}?process=connect")
    assert (response.status_code, response["Location"]) == (303, "/")
    stranger = Client()
    response = stranger.get(f"{START}?process=connect&next=/presets/")
    assert (response.status_code, response["Location"]) == (303, f"{START}?next=%2Fpresets%2F")


# --- Issuers that are down, odd or hostile ---------------------------------------------------------------------------


def test_who_declines_is_back_at_the_door(issuer: Issuer) -> None:
    issuer.denies = True
    _client, response = comes()
    assert (response.status_code, response["Location"]) == (303, "/accounts/login/")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"sub": "8"}', b'{"sub": null}', b"\xff"]
)
def test_odd_userinfo(issuer: Issuer, body: bytes) -> None:
    issuer.userinfo = body
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)
    assert not people()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"error": "x"}',
        json.dumps({"access_token": "x", "id_token": "a.b.c"}).encode(),
    ],
)
def test_odd_tokens(issuer: Issuer, body: bytes) -> None:
    issuer.token = body
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)


def test_it_leads_nowhere_else(issuer: Issuer, running_issuer: Issuer) -> None:
    with Issuer() as elsewhere:
        issuer.moved = f"{elsewhere.url}/.well-known/openid-configuration"
        assert Client().get(START).status_code == 502
        assert elsewhere.asked == []


def test_it_is_down(issuer: Issuer, settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = (
        "http://127.0.0.1:9"
    )
    response = Client().get(START)
    assert response.status_code == 502
    assert "tell an administrator" in response.content.decode()


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=x", "?error=access_denied"])
def test_coming_back_without_having_gone(issuer: Issuer, query: str) -> None:
    response = Client().get(f"{START}back/{query}")
    assert response.status_code in {303, 502}
    assert not people()


# --- Configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"])
def test_all_three_variables_or_none(settings: Settings, missing: str) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        "https://login.example", "chatsite", "secret",
    )  # fmt: skip
    assert run_checks() == []
    setattr(settings, missing, "")
    (error,) = run_checks()
    assert error.msg == f"Single sign-on is not complete without {missing}."


def test_another_issuer_has_other_people(issuer: Issuer, alice: User, tmp_path: Path) -> None:
    """Its number 7 is not that of the one before, and its settings say so."""
    with_number = SocialAccount(user=alice, uid="7", extra_data={})
    with_number.provider = "sso-of-the-issuer-before"
    with_number.save()
    client, _response = comes()
    assert client.get("/settings/profile/").context["user"].username == "carol"
    names = {_in_the_database(f"https://{name}.example", tmp_path) for name in ("one", "two")}
    assert len(names) == 2


def _in_the_database(issuer: str, data: Path) -> str:
    """The name of this issuer there, as the settings of a site have it."""
    code = "from chatsite import settings; print(settings.OIDC_PROVIDER)"
    variables = {"OIDC_ISSUER": issuer, "DATA_DIR": str(data), "ENV_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_the_issuer_is_reached_by_https(settings: Settings) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        "http://login.example", "chatsite", "secret",
    )  # fmt: skip
    (error,) = run_checks()
    assert "without https" in error.msg
