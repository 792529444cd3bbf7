"""The setup link and the settings pages. Sign-in, sign-up and passwords are allauth's views in our templates."""

from __future__ import annotations

from typing import Any

from allauth.account.views import EmailView as AllauthEmailView
from allauth.account.views import LoginView, LogoutView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.views import AddWebAuthnView
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatsite.views import error_page, see_other

from . import browsers, invitations, second_factors, services, setup
from .authentication import sign_in
from .emails import must_be_verified
from .forms import (
    NAME_TAKEN,
    AppearanceForm,
    ChangeEmailForm,
    ProfileForm,
    SetupForm,
    invitation_is_over,
)
from .models import User


def signed_in_user(request: HttpRequest) -> User:
    """For views behind `login_required`."""
    assert isinstance(request.user, User)  # noqa: S101 (tells the type checker)
    return request.user


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def setup_administrator(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time link. Its address is a secret: no page it leads to may learn it."""
    response = _setup_page(request, token)
    # Not "no-referrer": with it browsers send `Origin: null`, and the form would be refused.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _setup_page(request: HttpRequest, token: str) -> HttpResponse:
    if not setup.is_valid(token):
        return _setup_link_is_over(request)
    form = SetupForm(request.POST or None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "accounts/setup.html", {"form": form}, status=status)
    data = form.cleaned_data
    try:
        user = setup.use_link(
            token, username=data["username"], email=data["email"], password=data["password1"]
        )
    except IntegrityError:  # the same name, taken between the check and the insert
        user = None
    if user is None:
        return _setup_link_is_over(request)
    sign_in(request, user)
    return see_other("/")


def _setup_link_is_over(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        404,
        "setup_link_invalid",
        _("This link has been used or has expired"),
        _(
            "A setup link works once, for a day. While the site has no administrator, every start prints a new one:"
            " restart the site and open that link."
        ),
    )


@never_cache
@require_safe
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation. Whoever only looks at it, such as a mail program, does not use it up."""
    if invitations.find(token, now=timezone.now()) is None:
        response = invitation_is_over(request)
    else:
        invitations.keep(request, token)
        response = see_other(reverse("account_signup"))
    response["Referrer-Policy"] = "no-referrer"  # its address is a secret
    return response


@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """For whoever signed up where an administrator has to approve it."""
    return render(request, "accounts/waiting.html", {"mail_is_sent": must_be_verified()})


@require_safe
@login_required
def settings_index(request: HttpRequest) -> HttpResponse:
    return see_other(reverse("accounts:settings-profile"))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    # Read again: the form writes into it even if it is not valid, and the page names request.user.
    user = User.objects.get(pk=signed_in_user(request).id)
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=user)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "accounts/profile.html", {"form": form}, status=status)
    try:
        with transaction.atomic():
            services.change_profile(user, changed=form.changed_data)
    except IntegrityError:  # the same name, taken between the check and the update
        form.add_error("username", NAME_TAKEN)
        return render(request, "accounts/profile.html", {"form": form}, status=400)
    messages.success(request, _("Your profile has been saved."))
    response = see_other(reverse("accounts:settings-profile"))
    if user.language:
        services.show_in_language(response, user.language)
    return response


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def appearance(request: HttpRequest) -> HttpResponse:
    # Read again: a form that is not valid must not change the look of the page that says so.
    user = User.objects.get(pk=signed_in_user(request).id)
    form = AppearanceForm(request.POST if request.method == "POST" else None, instance=user)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "accounts/appearance.html", {"form": form}, status=status)
    services.change_profile(user, changed=form.changed_data)
    messages.success(request, _("Saved."))
    return see_other(reverse("accounts:settings-appearance"))


@never_cache
@require_safe
@login_required
def security(request: HttpRequest) -> HttpResponse:
    context = {
        "factors": second_factors.factors_of(signed_in_user(request)),
        "passkeys_are_possible": second_factors.are_passkeys_possible(request),
        "page_on_localhost": second_factors.page_on_localhost(request),
    }
    return render(request, "accounts/security.html", context)


recovery_codes = never_cache(ViewRecoveryCodesView.as_view())


class AddPasskeyView(AddWebAuthnView):
    """allauth's, which would leave it to a field whether it is a passkey."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        options = webauthn.begin_registration(signed_in_user(self.request), True)
        return {**context, "js_data": {"creation_options": options}}


add_passkey = AddPasskeyView.as_view()


class SecondStepView(AuthenticateView):
    """allauth's, which would offer a passkey to those who have none, and ask for a code that nothing shows."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        factors = second_factors.factors_of(self.stage.login.user)
        has_codes = factors.app is not None or bool(factors.codes_left)
        return {**context, "has_codes": has_codes, "has_passkeys": bool(factors.passkeys)}


second_step = SecondStepView.as_view()


class SignInView(LoginView):
    """allauth's, with a button for passkeys where browsers have them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        possible = second_factors.are_passkeys_possible(self.request)
        return {**context, "passkeys_are_possible": possible}


sign_in_page = SignInView.as_view()


class SessionsView(ListUserSessionsView):
    """allauth's: GET lists the open sessions, POST ends all but this one."""

    success_url = reverse_lazy("accounts:settings-sessions")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        rows = [(one, browsers.description(one.user_agent)) for one in context["sessions"]]
        return {**context, "rows": rows}


sessions = never_cache(SessionsView.as_view())


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    session = get_object_or_404(UserSession, pk=session_id, user=request.user)
    session.end()
    messages.success(request, _("That session has been signed out."))
    return see_other(reverse("accounts:settings-sessions"))


class EmailView(AllauthEmailView):
    """allauth's page, which also works where no mail is configured."""

    template_name = "account/email_change.html"
    form_class = ChangeEmailForm
    extra_context = {"must_be_verified": must_be_verified}


email = EmailView.as_view()


class SignOutView(LogoutView):
    """allauth's. The browser then forgets the pages it holds: Back shows nobody what was read before."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().post(*args, **kwargs)
        # Not "storage": unsent drafts are kept for the next time.
        response["Clear-Site-Data"] = '"cache"'
        return response


sign_out = SignOutView.as_view()


@require_safe
def farewell(request: HttpRequest) -> HttpResponse:
    """Where deleting one's account ends. It says nothing of whose it was: nobody knows any more."""
    return render(request, "accounts/farewell.html")


@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Django's switch, which a signed-in person's profile remembers."""
    if isinstance(request.user, User):
        services.choose_language(request.user, language=request.POST.get("language", ""))
    return i18n.set_language(request)
