"""Invitations: made, found, used and revoked. A link is a token in an address; only its hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from allauth.account.adapter import get_adapter
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from .models import Invitation, User

SESSION_KEY = "invitation"  # of whoever opened the link, until they have joined


class InvitationOver(Exception):
    """It was used up, has expired or was revoked since it was looked at."""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(invitation: Invitation, *, by: User) -> str:
    """Save a new invitation and return its token, which cannot be had again."""
    token = secrets.token_urlsafe(24)
    invitation.token_hash, invitation.created_by = _hash(token), by
    invitation.save()
    return token


def link_to(token: str, request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("accounts:invitation", args=[token]))


def send_link(invitation: Invitation, link: str) -> None:
    """To the address it is for."""
    context = {"link": link, "expires_at": invitation.expires_at}
    get_adapter().send_mail("accounts/email/invitation", invitation.email, context)


def usable(now: datetime) -> QuerySet[Invitation]:
    is_in_time = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return Invitation.objects.filter(is_in_time, revoked_at=None, used__lt=F("uses"))


def find(token: str, *, now: datetime) -> Invitation | None:
    """The usable invitation with this token. One query."""
    return usable(now).select_related("plan").filter(token_hash=_hash(token)).first()


def keep(request: HttpRequest, token: str) -> None:
    """For the sign-up that follows in this browser."""
    request.session[SESSION_KEY] = token


def forget(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)


def of_visitor(request: HttpRequest) -> Invitation | None:
    """The usable invitation whose link was opened in this browser. No query if there was none."""
    token = request.session.get(SESSION_KEY)
    return find(token, now=timezone.now()) if isinstance(token, str) else None


def use(invitation: Invitation, user: User, *, now: datetime) -> None:
    """Let this new person in. Raises InvitationOver: call it in the transaction that makes the account."""
    if not usable(now).filter(pk=invitation.pk).update(used=F("used") + 1):
        raise InvitationOver
    user.invitation, user.plan = invitation, invitation.plan
    user.save(update_fields=["invitation", "plan"])


def revoke(invitation: Invitation, *, now: datetime) -> bool:
    """Nobody joins with it any more; who has joined stays. False if nobody could before."""
    return usable(now).filter(pk=invitation.pk).update(revoked_at=now) > 0
