"""Passes of the original ChatAPI: a JWT for thirty days, one per person, given for a name and a password.

Its text is nowhere kept. The row has what it says, which is signed again whenever somebody asks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .models import Pass, User

LIFETIME = timedelta(days=30)
ALGORITHM = "HS256"


class NoPass(Exception):
    """That text lets nobody in. reason: incomplete, unsigned, expired or ended."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def give_pass(user: User, *, now: datetime) -> tuple[Pass, bool] | None:
    """The person's pass, and whether it is a new one because there was none that is valid.

    user: as read before the password was checked. None if the account has been changed or suspended since.
    """
    with transaction.atomic():
        person = User.objects.select_for_update().filter(pk=user.pk).first()
        if person is None or person.auth_epoch != user.auth_epoch or not person.is_active:
            return None
        found = valid_pass(person, now=now)
        if found is not None:
            return found, False
        issued_at = now.replace(microsecond=0)  # a JWT counts whole seconds
        values = {
            "jti": uuid4(),  # what was signed before is not valid again
            "issued_at": issued_at,
            "expires_at": issued_at + LIFETIME,
            "last_used_at": None,
            "auth_epoch": person.auth_epoch,
        }
        made, _is_first = Pass.objects.update_or_create(user=person, defaults=values)
        return made, True


def valid_pass(user: User, *, now: datetime) -> Pass | None:
    """The person's. One query."""
    found = Pass.objects.select_related("user").filter(user=user).first()
    return found if found is not None and found.is_valid(now) else None


def revoke_pass(user: User) -> bool:
    """From the next request on. False if the person had none."""
    return Pass.objects.filter(user=user).delete()[0] > 0


def text_of(given: Pass) -> str:
    """The JWT: the same for the same pass."""
    issued_at = int(given.issued_at.timestamp())
    claims = {
        "fresh": False,
        "iat": issued_at,
        "jti": str(given.jti),
        "type": "access",
        "sub": given.user.username,
        "nbf": issued_at,
        "exp": int(given.expires_at.timestamp()),
    }
    return jwt.encode(claims, _keys()[0], algorithm=ALGORITHM)


def find_pass(text: str, *, now: datetime) -> Pass:
    """The valid pass with this text, with its user and their plan. One query. Raises NoPass."""
    claims = _claims(text)
    if claims["exp"] <= now.timestamp():
        raise NoPass("expired")
    found = Pass.objects.select_related("user__plan").filter(jti=UUID(claims["jti"])).first()
    if found is None or not found.is_valid(now):
        raise NoPass("ended")
    return found


def _claims(text: str) -> dict[str, Any]:
    """Of a text that was signed here, expired or not. Raises NoPass."""
    if text.count(".") < 2:
        raise NoPass("incomplete")
    # The row decides how long it is valid, by the caller's clock.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    for key in _keys():
        try:
            claims: dict[str, Any] = jwt.decode(text, key, algorithms=[ALGORITHM], options=options)
        except jwt.InvalidTokenError:
            continue
        return claims
    raise NoPass("unsigned")


def _keys() -> list[bytes]:
    """The key that signs; after it those of secret keys that the site had before."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac("accounts.passes", "", secret=secret, algorithm="sha256").digest()
        for secret in secrets
    ]


def shown_time(moment: datetime) -> str:
    """As the original wrote it: the site's local time, to the second, without its zone."""
    local = moment.astimezone(timezone.get_default_timezone())
    return f"{local:%Y-%m-%d %H:%M:%S}"
