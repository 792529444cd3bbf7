"""Who comes in once the account is made: at once, by invitation, or after an administrator's approval."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from . import invitations, services
from .models import Invitation, User


def let_in(user: User, invitation: Invitation | None) -> None:
    """Of a new person, in the transaction that makes the account. Raises InvitationOver."""
    if invitation is not None:
        invitations.use(invitation, user, now=timezone.now())  # who was invited needs no approval
    elif settings.SIGNUP == "approval":
        services.await_approval(user)
