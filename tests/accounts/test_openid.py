"""What an issuer must show, beyond being asked: nonce, client, issuer, person, by the rules of OpenID Connect Core."""

from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts import openid
from tests.accounts.doors import is_signed_in
from tests.accounts.test_single_sign_on import START, comes, people
from tests.issuer import CLIENT, Issuer

PAST, EARLIER_NONCE = 1_000_000_000, "the nonce of an earlier sign-in"


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": None},
        {"nonce": EARLIER_NONCE},
        {"nonce": ["x"]},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": None},
        {"aud": [CLIENT, "another client"]},
        {"aud": [CLIENT, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"exp": PAST},
        {"exp": None},
        {"iat": None},
        {"sub": "8"},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_an_id_token_that_breaks_a_rule(issuer: Issuer, change: dict[str, Any]) -> None:
    issuer.id_token = change
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)
    assert not people()
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    "change", [{"azp": CLIENT}, {"aud": [CLIENT]}, {"aud": [CLIENT, "another"], "azp": CLIENT}]
)
def test_an_id_token_for_several(issuer: Issuer, change: dict[str, Any]) -> None:
    issuer.id_token = change
    client, _response = comes()
    assert is_signed_in(client)


def test_without_an_id_token(issuer: Issuer) -> None:
    """Then it is not OpenID Connect, and nothing says for whom the access token was made."""
    issuer.token = json.dumps({"access_token": "x", "token_type": "Bearer"}).encode()
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)


def test_a_nonce_for_each_sign_in(issuer: Issuer) -> None:
    """A code of somebody else's sign-in, put into this browser's, brings nobody in."""
    before = len(issuer.nonces)
    comes()
    comes()
    first, second = issuer.nonces[before:]
    assert first != second
    issuer.id_token = {"nonce": first}
    client, response = comes()
    assert response.status_code == 502
    assert not is_signed_in(client)


def test_a_known_person_keeps_what_was_known_of_them(issuer: Issuer) -> None:
    comes()
    before = SocialAccount.objects.get().extra_data
    issuer.id_token = {"nonce": EARLIER_NONCE, "name": "Mallory"}
    comes()
    assert SocialAccount.objects.get().extra_data == before


def test_another_issuers_configuration(issuer: Issuer) -> None:
    issuer.discovery = {"issuer": "https://evil.example"}
    assert Client().get(START).status_code == 502


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"])
def test_an_address_without_https(issuer: Issuer, name: str) -> None:
    issuer.discovery = {name: "ftp://127.0.0.1/"}
    assert Client().get(START).status_code == 502
    config = {
        "issuer": "https://login.example/",
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example/token",
        "userinfo_endpoint": "https://login.example/userinfo",
        "jwks_uri": "https://login.example/keys",
    }
    for address in ("https://login.example", "https://login.example/"):
        openid.check_issuer(config, issuer=address)
    with pytest.raises(openid.NotTrusted, match="without https"):
        openid.check_issuer(
            {**config, name: "http://login.example/"}, issuer="https://login.example"
        )
