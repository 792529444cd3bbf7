"""Mail, as a site with EMAIL_URL has it; a moment; an issuer for single sign-on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import single_sign_on
from accounts.models import User
from tests.accounts.test_api_keys import NOON
from tests.issuer import CLIENT, SECRET, Issuer


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.fixture(scope="module")
def running_issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: Issuer, settings: Settings, sasha: User) -> Issuer:
    running_issuer.knows(
        "7", preferred_username="carol", email="Carol@Example.org", email_verified=True
    )
    settings.SIGNUP = "open"
    settings.OIDC_ISSUER = running_issuer.url
    app = {
        "provider_id": single_sign_on.ISSUER,
        "client_id": CLIENT,
        "secret": SECRET,
        "settings": {"server_url": running_issuer.url, "oauth_pkce_enabled": True},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    return running_issuer
