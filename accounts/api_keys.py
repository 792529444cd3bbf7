"""API keys: made, found, revoked. What is shown once is `ck_<prefix>_<secret>`; the row keeps a hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from chatsite.statements import Select, parameter

from .models import ApiKey, Scope, State, User

MOST_KEYS = 50  # of one person at once
SHAPE = re.compile(r"ck_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class TooManyKeys(Exception):
    """This person has MOST_KEYS that are valid."""


def create_key(
    user: User,
    *,
    name: str,
    scopes: Collection[str] = (Scope.CHAT,),
    expires_at: datetime | None = None,
    id: UUID | None = None,
    now: datetime,
    **limits: int | Decimal | None,
) -> tuple[ApiKey, str] | None:
    """The new key and its text, which nobody can read again; None if one with this id is there already.

    limits: those of `SpendingLimits`, by name. Raises TooManyKeys.
    """
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if valid_keys(user, now=now).count() >= MOST_KEYS:
            raise TooManyKeys
        try:
            with transaction.atomic():
                key = ApiKey.objects.create(
                    id=id or uuid4(),
                    user=user,
                    name=name,
                    prefix=prefix,
                    secret_hash=_hash(secret),
                    scopes=[str(scope) for scope in Scope.values if scope in scopes],
                    auth_epoch=user.auth_epoch,
                    created_at=now,
                    expires_at=expires_at,
                    **limits,
                )
        except IntegrityError:
            return None
    return key, f"ck_{prefix}_{secret}"


_with_prefix = Select(
    lambda: ApiKey.objects.select_related("user__plan").filter(prefix=parameter(ApiKey, "prefix"))
)


def find_key(text: str) -> ApiKey | None:
    """The key with this text, in whatever state, with its user and their plan. One query."""
    match = SHAPE.fullmatch(text)
    if match is None:
        return None
    prefix, secret = match.groups()
    for key in _with_prefix(prefix=prefix):
        if secrets.compare_digest(key.secret_hash, _hash(secret)):
            return key
    return None


def revoke_keys(keys: Collection[UUID], *, of: User | None = None, now: datetime) -> int:
    """From the next request on, and within ten seconds on open streams. Returns how many were not revoked before.

    of: only this person's.
    """
    rows = ApiKey.objects.filter(pk__in=keys, revoked_at=None)
    if of is not None:
        rows = rows.filter(user=of)
    return rows.update(revoked_at=now)


def valid_keys(user: User, *, now: datetime) -> QuerySet[ApiKey]:
    return keys_in(State.VALID, now=now).filter(user=user)


def keys_in(state: State, *, now: datetime) -> QuerySet[ApiKey]:
    """Everybody's that are in this state, as `ApiKey.state` decides."""
    revoked = ~Q(revoked_at=None)
    expired = Q(expires_at__isnull=False, expires_at__lte=now)
    ended = ~Q(auth_epoch=F("user__auth_epoch")) | Q(user__is_active=False)
    return ApiKey.objects.filter(
        {
            State.REVOKED: revoked,
            State.EXPIRED: ~revoked & expired,
            State.ENDED: ~revoked & ~expired & ended,
            State.VALID: ~revoked & ~expired & ~ended,
        }[state]
    )


def end_of(day: date) -> datetime:
    """Its last moment in the site's time zone. Raises OverflowError for a day that has none in UTC."""
    last = datetime.combine(day, time.max, timezone.get_default_timezone())
    return last.astimezone(UTC)


def _hash(secret: str) -> str:
    """Of 256 random bits: nothing to guess, so nothing that has to be slow."""
    return hashlib.sha256(secret.encode()).hexdigest()
