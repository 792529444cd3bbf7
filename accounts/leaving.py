"""A person leaves: deletes their own account, is told so, and is gone."""

from __future__ import annotations

import logging
from datetime import datetime
from smtplib import SMTPException

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from . import audit, services
from .models import User

logger = logging.getLogger(__name__)


class LastAdministrator(Exception):
    """Nobody could look after the site any more."""


def is_last_administrator(user: User) -> bool:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and not others.exists()


def leave(user: User, *, request: HttpRequest, now: datetime) -> None:
    """Delete the account at its owner's wish, and tell them by mail where that is possible.

    Raises LastAdministrator.
    """
    if is_last_administrator(user):
        raise LastAdministrator
    name = user.username
    address = EmailAddress.objects.filter(user=user, primary=True, verified=True).first()
    with transaction.atomic():
        audit.record(audit.Action.ACCOUNT_DELETED, request=request, subject=user)
        services.delete_account(user, now=now)
    if settings.EMAIL_URL and address is not None:
        _say_goodbye(address.email, name)


def _say_goodbye(address: str, name: str) -> None:
    """The account is gone whether or not the mail can be sent."""
    try:
        get_adapter().send_mail("account/email/account_deleted", address, {"username": name})
    except (OSError, SMTPException) as error:
        logger.warning("A farewell could not be sent (%s)", type(error).__name__)
