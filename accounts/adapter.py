"""What allauth asks this site: who may sign up, which names are free, and what happens at the door."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from . import invitations, selectors, services, setup
from .models import User, check_fits, fold

EMAIL_STAGE = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """To everybody, or to whoever opened the link of an invitation in this browser."""
        if setup.is_signup_open():
            return True
        is_closed = settings.SIGNUP == "closed" or setup.is_needed()
        return not is_closed and invitations.of_visitor(request) is not None

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """allauth compares names without case; two that only look alike are one name here as well."""
        name: str = super().clean_username(username, shallow=shallow)
        check_fits(name, field="username")
        if not shallow and selectors.is_username_taken(name):
            raise self.validation_error("username_taken")
        return name

    def clean_email(self, email: str) -> str:
        """In the form in which addresses are unique, so that allauth's search finds what the database would refuse."""
        check_fits(email, field="email")
        return fold(email) or ""

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """False, with a message, if the address became another account's in the meantime."""
        if selectors.is_email_taken(email_address.email, but_by=email_address.user):
            self.add_message(
                request,
                messages.ERROR,
                "account/messages/email_confirmation_failed.txt",
                {"email": email_address.email},
            )
            return False
        return bool(super().confirm_email(request, email_address))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """In the language of the person it goes to, whoever asked for it in whichever browser."""
        user = context.get("user")
        language = user.language if isinstance(user, User) else ""
        with translation.override(language or translation.get_language()):
            super().send_mail(template_prefix, email, context)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By what is signed in to: allauth's has the Host header in it, whose port anybody chooses."""
        return fold(credentials.get("email") or credentials.get("username") or "") or ""

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Who never was let in is not suspended."""
        if user.awaits_approval:
            return redirect("accounts:waiting")
        response: HttpResponse = super().respond_user_inactive(request, user)
        return response

    def get_login_stages(self) -> list[str]:
        ours = "accounts.authentication.EmailVerificationStage"
        return [ours if stage == EMAIL_STAGE else stage for stage in super().get_login_stages()]

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """The person's language goes with them to the browser they sign in with."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if user.language:
            services.show_in_language(response, user.language)
        return response

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """A security key is called a passkey here, as every other is."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        passkey = reverse("mfa_reauthenticate_webauthn")
        return [
            {**method, "description": _("Use a passkey")} if method["url"] == passkey else method
            for method in methods
        ]

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:settings-security")
