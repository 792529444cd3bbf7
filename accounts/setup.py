"""The first administrator: a one-time link printed by the start command, or environment variables.

No page ever contains the link. While no active administrator exists, sign-up is closed.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from .emails import write_address
from .models import SetupLink, User

LIFETIME = timedelta(hours=24)

# A shortcut for the common case; the database decides while it is false.
_administrator_seen = False


def is_needed() -> bool:
    """True while no active administrator exists. One query until one has been seen, then none."""
    global _administrator_seen
    if not _administrator_seen:
        _administrator_seen = User.objects.filter(is_superuser=True, is_active=True).exists()
    return not _administrator_seen


def is_signup_open() -> bool:
    """Whether strangers may make an account. Costs what `is_needed` costs."""
    return settings.SIGNUP in {"open", "approval"} and not is_needed()


def forget_administrator() -> None:
    """Look again at the next question: an administrator was deactivated or deleted."""
    global _administrator_seen
    _administrator_seen = False


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_setup_link(base_url: str) -> str | None:
    """A fresh link, which ends every earlier one; None if an administrator exists.

    base_url: where the site is reached, without a trailing slash.
    """
    forget_administrator()
    if not is_needed():
        return None
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SetupLink.objects.all().delete()
        SetupLink.objects.create(token_hash=_hash(token), expires_at=timezone.now() + LIFETIME)
    return base_url + reverse("accounts:setup", args=[token])


def is_valid(token: str) -> bool:
    """False, too, once there is an administrator, however there came to be one."""
    return (
        is_needed()
        and SetupLink.objects.filter(
            token_hash=_hash(token), expires_at__gt=timezone.now()
        ).exists()
    )


def use_link(token: str, *, username: str, email: str, password: str) -> User | None:
    """Create the administrator and end the link; None if the link is not valid (any more)."""
    with transaction.atomic():
        used, _rows = SetupLink.objects.filter(
            token_hash=_hash(token), expires_at__gt=timezone.now()
        ).delete()
        if not used:
            return None
        return create_administrator(username=username, email=email, password=password)


def create_administrator(*, username: str, email: str, password: str) -> User:
    """A superuser whose address counts as verified: with mail configured an unverified one could not sign in."""
    with transaction.atomic():
        user = User.objects.create_superuser(username=username, email=email, password=password)
        welcome_administrator(user)
    return user


def welcome_administrator(user: User) -> None:
    """Verify the address, in the lower case in which allauth looks for it, and end every setup link."""
    user.email = user.email.lower()
    user.save(update_fields=["email"])
    write_address(user, verified=True)
    SetupLink.objects.all().delete()


def ensure_superuser_from_environment() -> bool:
    """Create the administrator that DJANGO_SUPERUSER_USERNAME, _PASSWORD and _EMAIL describe, unless there is one.

    Returns true if one was created. Raises ImproperlyConfigured if the values cannot make one.
    """
    from chatsite.settings import environment

    username = environment.text("DJANGO_SUPERUSER_USERNAME")
    password = environment.text("DJANGO_SUPERUSER_PASSWORD")
    email = environment.text("DJANGO_SUPERUSER_EMAIL")
    if not username and not password:
        return False
    if not username or not password:
        missing = "USERNAME" if password else "PASSWORD"
        raise ImproperlyConfigured(
            f"DJANGO_SUPERUSER_{missing} is not set. An administrator needs a name and a password."
        )
    if User.objects.filter(is_superuser=True).exists():
        return False
    try:
        User(username=username, email=email, password="!").clean_fields()  # noqa: S106 (an unusable one, to check the rest)
        create_administrator(username=username, email=email, password=password)
    except ValidationError as error:
        wrong = " and ".join(f"DJANGO_SUPERUSER_{field.upper()}" for field in error.message_dict)
        raise ImproperlyConfigured(
            f"{wrong} cannot be used: {' '.join(error.messages)} Set it to another."
        ) from error
    except IntegrityError as error:
        if User.objects.filter(is_superuser=True).exists():
            return False  # another node that starts just now was first
        raise ImproperlyConfigured(
            "DJANGO_SUPERUSER_USERNAME or _EMAIL belongs to a user who is not an administrator."
            " Choose another name, or make that user one in the admin."
        ) from error
    return True
