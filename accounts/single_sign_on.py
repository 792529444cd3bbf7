"""Single sign-on: people come from the issuer that OIDC_ISSUER names. The protocol is allauth's and `openid.py`'s.

Nothing is fetched but from that issuer and the addresses it gives for itself: no pictures, no redirects.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatsite.views import error_page, see_other

from . import invitations, joining, openid, selectors
from .forms import invitation_is_over
from .invitations import InvitationOver
from .models import User, fold

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest, str], HttpResponseBase]
# What allauth raises at words of an issuer that are none. Of these a number of a person that is too long is to it a
# mistake in the settings, and one with a NUL fails in PostgreSQL.
MISTAKES = (
    AttributeError,
    DataError,
    ImproperlyConfigured,
    KeyError,
    OSError,
    TypeError,
    ValueError,
)
ISSUER = settings.OIDC_PROVIDER  # its name in the database: there is one


def _of_the_issuer(view: View) -> View:
    """Where there is an issuer. It may be down, and what it says may be anything."""

    def guarded(request: HttpRequest, provider_id: str) -> HttpResponseBase:
        if not settings.OIDC_ISSUER:
            raise Http404
        try:
            return view(request, provider_id)
        except MISTAKES:
            logger.warning("Single sign-on failed.", exc_info=True)
            return _failed(request)

    return guarded


@never_cache
@require_safe
@_of_the_issuer
def start(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """To the issuer. By a link: a form that leads elsewhere is what the content security policy forbids."""
    if request.user.is_authenticated:
        return see_other("/")
    if set(request.GET) - {"next"}:  # by one of these allauth would connect accounts
        after = {key: value for key, value in request.GET.items() if key == "next"}
        return see_other(f"{request.path}?{urlencode(after)}")
    response: HttpResponseBase = openid_connect.login(request, provider_id)
    return response


@never_cache
@require_safe
@_of_the_issuer
def finish(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    view = OAuth2CallbackView.adapter_view(openid.Adapter(request, provider_id))
    response: HttpResponseBase = view(request)
    return response


def _failed(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        502,
        "single_sign_on_failed",
        _("Signing in there did not work"),
        _("Go back to the sign-in page and try again. If it fails again, tell an administrator."),
    )


def _refuse(response: HttpResponse) -> NoReturn:
    raise ImmediateHttpResponse(response)


def _parts(login: SocialLogin) -> list[dict[str, Any]]:
    """What the issuer says of the person, in its token and where it was asked."""
    data = login.account.extra_data
    return [data[part] for part in ("id_token", "userinfo") if part in data]


def _is_verified(login: SocialLogin, email: str) -> bool:
    """The issuer says so wherever it says anything of that address, and writes it as it is compared here.

    Only beside the address: one part may have another address than the other. "ａlice@…" may be another mailbox.
    """
    written = [(str(part.get("email") or "").strip().lower(), part) for part in _parts(login)]
    said = [
        part["email_verified"]
        for text, part in written
        if text == email and "email_verified" in part
    ]
    return bool(said) and all(map(_is_true, said))


class SocialAdapter(DefaultSocialAccountAdapter):
    def get_requests_session(self) -> Any:
        session = super().get_requests_session()
        session.max_redirects = 0
        session.trust_env = False  # no password from a .netrc, no proxy meant for others
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        if error == AuthError.CANCELLED:
            _refuse(see_other(reverse("account_login")))
        logger.warning("Single sign-on failed: %s", exception or error)
        _refuse(_failed(request))

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Both sides must have verified the address: nobody gets into an account by writing its address elsewhere."""
        claims = {name: value for part in _parts(sociallogin) for name, value in part.items()}
        email = fold(str(claims.get("email") or ""))
        if email is None or not _is_verified(sociallogin, email):
            return None
        row = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
        return (row.user, row.email) if row is not None else None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        for address in sociallogin.email_addresses:
            address.email = fold(address.email) or ""
            address.verified = _is_verified(sociallogin, address.email)
            if not sociallogin.is_existing and selectors.is_email_taken(address.email):
                _refuse(_address_is_taken(request))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # there is nothing to ask: what is taken was refused before

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        invitation = invitations.of_visitor(request)
        user: User = sociallogin.user
        user.email = fold(user.email) or ""
        verified = {address.email for address in sociallogin.email_addresses if address.verified}
        if invitation is not None and invitation.email and invitation.email not in verified:
            _refuse(_invitation_is_for_another(request, invitation.email))
        try:
            with transaction.atomic():
                super().save_user(request, sociallogin, form)
                joining.let_in(user, invitation)
        except InvitationOver:
            _refuse(invitation_is_over(request))
        except IntegrityError:  # the same name, taken between the check and the insert
            _refuse(_failed(request))
        invitations.forget(request)
        return user


def _is_true(claim: object) -> bool:
    """Some issuers write it as a text."""
    return claim is True or claim == "true"


def _address_is_taken(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        409,
        "address_taken",
        _("Your address belongs to an account here"),
        _(
            "Sign in to it with its password. To be let in from there, too, the address has to be verified on both"
            " sides: ask an administrator."
        ),
    )


def _invitation_is_for_another(request: HttpRequest, email: str) -> HttpResponse:
    return error_page(
        request,
        403,
        "invitation_for_another",
        _("This invitation is for another address"),
        _("The invitation is for %(email)s, which is not what you are known by there.")
        % {"email": email},
    )
