"""How a person becomes the signed-in user: the steps between the right password and the session.

And whom a password alone lets in, where there is no session and nobody to take further steps.
"""

from __future__ import annotations

from typing import Any

from allauth.account import stages
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import EmailAddress, Login
from allauth.core.internal import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest

from .emails import must_be_verified
from .forms import SignInForm
from .models import User

LIMITS = "allauth.account"  # whose limits hold at the door


class TooManyAttempts(Exception):
    """No password is looked at now. retry_after: seconds after which one is again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class EmailVerificationStage(stages.EmailVerificationStage):
    """With mail configured an address must be verified first; an account without any has nothing to verify."""

    def handle(self) -> tuple[Any, bool]:
        user = self.login.user
        if (
            user is not None
            and not user.email
            and not EmailAddress.objects.filter(user=user).exists()
        ):
            return None, True
        response, goes_on = super().handle()
        return response, goes_on


def sign_in(request: HttpRequest, user: User) -> None:
    """Sign this person in without a password, through every step that a sign-in with one takes."""
    perform_login(request, Login(user=user))


def user_by_password(request: HttpRequest, *, login: str, password: str) -> User | None:
    """Whom this name or address and this password let in; None if nobody, or if signing in takes more than that.

    Attempts count as those at the sign-in form do, and with them. Raises TooManyAttempts.
    """
    if not ratelimit.consume(request, app=LIMITS, action="login"):
        raise TooManyAttempts(_longest("login"))
    form = SignInForm({"login": login, "password": password}, request=request)
    if not form.is_valid():
        if form.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"):
            raise TooManyAttempts(_longest("login_failed"))
        return None
    user = form.user
    if not isinstance(user, User) or not user.is_active or _needs_more(user):
        return None
    return user


def _longest(action: str) -> int:
    rates = ratelimit.get_rates(app=LIMITS, action=action)
    return int(max((rate.duration for rate in rates), default=60))


def _needs_more(user: User) -> bool:
    """A second factor, or the confirmation of an address."""
    if is_mfa_enabled(user):
        return True
    if not must_be_verified():
        return False
    addresses = EmailAddress.objects.filter(user=user)
    has_any = bool(user.email) or addresses.exists()
    return has_any and not addresses.filter(verified=True).exists()
