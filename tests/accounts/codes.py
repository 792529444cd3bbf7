"""Authenticator apps and passkeys, and people who use them."""

from __future__ import annotations

import time
from hashlib import sha256

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PERIOD_SECONDS = 30


def code_of(secret: str = SECRET, *, at: float | None = None) -> str:
    """What the app shows at that time, now if none is given."""
    moment = time.time() if at is None else at
    code: str = auth.format_hotp_value(auth.hotp_value(secret, int(moment) // PERIOD_SECONDS))
    return code


def give_app(user: User) -> list[str]:
    """Set an app up for this person. Returns their recovery codes."""
    auth.TOTP.activate(user, SECRET)
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def give_passkey(user: User, name: str) -> Authenticator:
    """As a browser at localhost would have registered it; nobody has its key."""
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    public: ES256 = ES256.from_cryptography_key(key)  # type: ignore[no-untyped-call]  # of the package
    data = AttestedCredentialData.create(bytes(16), b"passkey", public)
    stored = AuthenticatorData.create(sha256(b"localhost").digest(), flags, 0, data)
    client = CollectedClientData.create("webauthn.create", b"asked", "http://localhost")
    credential = {
        "id": "cGFzc2tleQ",
        "rawId": "cGFzc2tleQ",
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", stored, {})),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }
    made: Authenticator = WebAuthn.add(user, name, credential).instance
    return made
