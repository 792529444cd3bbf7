"""OpenID Connect Core as strictly as it asks of the code flow: what allauth leaves open is checked here.

allauth sends state and a PKCE challenge, and checks issuer, audience and expiry of the ID token. Its signature is left
unchecked, as Core 3.1.3.7 allows for a token that came straight from the issuer over TLS; so every address is https.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest

WELL_KNOWN = "/.well-known/openid-configuration"
ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
ALWAYS_CLAIMED = ("iss", "sub", "aud", "exp", "iat", "nonce")


class NotTrusted(ValueError):
    """What the issuer says breaks a rule. The text says which."""


def _nonce(code_verifier: str) -> str:
    """The issuer puts it into the ID token: then the token belongs to the browser whose session has the verifier."""
    return sha256(f"nonce {code_verifier}".encode()).hexdigest()


class Adapter(OpenIDConnectOAuth2Adapter):
    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().openid_config
        check_issuer(config, issuer=settings.OIDC_ISSUER)
        return config

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Any:
        self.nonce = _nonce(pkce_code_verifier or "")
        return super().get_access_token_data(request, app, client, pkce_code_verifier)

    def complete_login(
        self, request: HttpRequest, app: Any, token: Any, **kwargs: Any
    ) -> SocialLogin:
        login = super().complete_login(request, app, token, **kwargs)
        data = login.account.extra_data
        _check_claims(data, client_id=app.client_id, nonce=self.nonce)
        login.account.extra_data = _storable(data)
        return login


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Adapter

    def get_pkce_params(self) -> dict[str, Any]:
        """With the nonce: allauth sends all of these but the verifier, which it keeps in the session."""
        params: dict[str, Any] = super().get_pkce_params()
        return {**params, "nonce": _nonce(params["code_verifier"])}


def check_issuer(config: dict[str, Any], *, issuer: str) -> None:
    """Discovery 4.3, and TLS throughout wherever the issuer itself has it. Raises NotTrusted.

    issuer: as configured, with or without a slash at the end or the well-known path.
    """
    expected = issuer.removesuffix(WELL_KNOWN).rstrip("/")
    if config["issuer"].rstrip("/") != expected:
        raise NotTrusted(f"The configuration at {expected} is of {config['issuer']}.")
    for name in ADDRESSES:
        scheme = urlsplit(config[name]).scheme
        if scheme not in ("https", urlsplit(expected).scheme):
            raise NotTrusted(f"Its {name} is {config[name]}, without https.")


def _check_claims(data: dict[str, Any], *, client_id: str, nonce: str) -> None:
    """data: `id_token` and `userinfo`, as allauth has read them. The rules are those of Core 3.1.3.7 and 5.3.2."""
    claims = data.get("id_token")
    if not isinstance(claims, dict):
        raise NotTrusted("There is no ID token.")
    if missing := [name for name in ALWAYS_CLAIMED if not claims.get(name)]:
        raise NotTrusted(f"The ID token lacks {', '.join(missing)}.")
    if claims["nonce"] != nonce:
        raise NotTrusted("The ID token was made for another sign-in.")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise NotTrusted("The ID token was made for another client.")
    if not isinstance(claims["sub"], str) or "\x00" in claims["sub"]:
        raise NotTrusted("The ID token names nobody.")
    if claims["sub"] != data["userinfo"]["sub"]:
        raise NotTrusted("ID token and userinfo are about different people.")


def _storable(value: Any) -> Any:
    """Without NUL and halves of surrogate pairs, which PostgreSQL keeps in no text."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="ignore").decode()
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value
