"""E-mail addresses as allauth keeps them: a row beside `User.email` that knows whether it was verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from allauth.account import app_settings
from allauth.account.models import EmailAddress
from django.db import transaction

from .models import User


def must_be_verified() -> bool:
    """With mail configured an address counts only after its owner followed a link sent there."""
    return bool(app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY)


def write_address(user: User, *, verified: bool) -> None:
    """Make `user.email` the one address allauth knows of the user, and the primary one; without one, leave none.

    verified: for addresses that an administrator vouches for; with mail configured others could not sign in.
    """
    address = user.email.lower()
    EmailAddress.objects.filter(user=user).exclude(email=address).delete()
    if address:
        EmailAddress.objects.update_or_create(
            user=user, email=address, defaults={"verified": verified, "primary": True}
        )


def confirm_addresses(users: Iterable[User]) -> int:
    """An administrator vouches for them. Returns how many had not been verified."""
    count = 0
    for user in users:
        known = EmailAddress.objects.filter(user=user, email=user.email.lower(), verified=True)
        if user.email and not known.exists():
            write_address(user, verified=True)
            count += 1
    return count


def once_committed(send: Callable[..., object], *arguments: Any) -> None:
    """Mail what tells of what is being written. Where it cannot be sent, that is logged, and what was done stays done.

    Not `partial`: Django logs by a name that it does not have, and fails.
    """

    def sent() -> None:
        send(*arguments)

    transaction.on_commit(sent, robust=True)
