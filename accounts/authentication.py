"""How a person becomes the signed-in user: the steps between the right password and the session."""

from __future__ import annotations

from typing import Any

from allauth.account import stages
from allauth.account.internal.flows.login import perform_login
from allauth.account.models import EmailAddress, Login
from django.http import HttpRequest

from .models import User


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
