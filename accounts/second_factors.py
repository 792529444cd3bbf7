"""Second factors: an authenticator app, passkeys and recovery codes. The flows are allauth's; here is what differs.

A passkey of this site always stands for password and second factor together: it is kept by its device and used with
that device's PIN, finger or face.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.core.validators import MaxLengthValidator
from django.http import Http404, HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatsite.views import see_other

from .emails import once_committed
from .models import User

logger = logging.getLogger(__name__)

LONGEST_NAME = 60
LONGEST_CODE = 20
View = Callable[..., HttpResponseBase]


def are_passkeys_possible(request: HttpRequest) -> bool:
    """Browsers make them for names only, and over a connection that nobody can listen to."""
    host, _port = split_domain_port(request.get_host())
    if _address(host) is not None:
        return False
    return request.is_secure() or host == "localhost" or host.endswith(".localhost")


def page_on_localhost(request: HttpRequest) -> str:
    """The same page where passkeys are possible, if the browser runs on the site's own machine; else empty."""
    host, port = split_domain_port(request.get_host())
    address = _address(host)
    is_here = address is not None and address.is_loopback
    if not is_here or not validate_host("localhost", settings.ALLOWED_HOSTS):
        return ""
    name = f"localhost:{port}" if port else "localhost"
    return f"{request.scheme}://{name}{request.path}"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


class MFAAdapter(DefaultMFAAdapter):
    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return gettext("Passkey %(number)d") % {"number": number}


@dataclass(frozen=True)
class Factors:
    """What one person has. codes_left: recovery codes that were not used; None without any."""

    app: Authenticator | None
    passkeys: list[Authenticator]
    codes_left: int | None

    def __bool__(self) -> bool:
        return self.app is not None or bool(self.passkeys)


def factors_of(user: User) -> Factors:
    """One query."""
    app, passkeys, codes_left = None, [], None
    for row in Authenticator.objects.filter(user=user).order_by("pk"):
        if row.type == Authenticator.Type.TOTP:
            app = row
        elif row.type == Authenticator.Type.WEBAUTHN:
            passkeys.append(row)
        else:
            codes_left = len(row.wrap().get_unused_codes())
    return Factors(app, passkeys, codes_left)


def remove_all(users: Iterable[User]) -> int:
    """For people who lost their telephone: the password alone lets them in again. Returns how many had any."""
    had = [user for user in users if Authenticator.objects.filter(user=user).delete()[0]]
    for user in had:
        tell = get_account_adapter().send_notification_mail
        once_committed(tell, "mfa/email/factors_removed", user)
    return len(had)


def own_passkey(view: View) -> View:
    """Lets nobody at another's, before anybody is asked for a password."""

    def checked(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponseBase:
        kind = Authenticator.Type.WEBAUTHN
        if not Authenticator.objects.filter(pk=pk, user=request.user, type=kind).exists():
            raise Http404
        return view(request, pk=pk, **kwargs)

    return checked


def only_where_possible(view: View) -> View:
    """Back to the page that says what passkeys need."""

    def checked(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not are_passkeys_possible(request):
            return see_other(reverse("accounts:settings-security"))
        return view(request, **kwargs)

    return checked


class CodeField:
    """In the words of this site and for password managers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]  # type: ignore[attr-defined]  # of the form this is mixed into
        code.label = _("Code")
        code.validators.append(MaxLengthValidator(LONGEST_CODE))
        code.widget.attrs = {
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "autofocus": True,
        }


class ActivateAppForm(CodeField, ActivateTOTPForm):
    pass


class OnceOnly(CodeField):
    """A code of the app is taken once, as long as it is valid: allauth forgets it after a third of that time."""

    user: User

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # of the form this is mixed into
        key = f"accounts.second_factors.used?user={self.user.pk}&code={normalize_user_code(code)}"
        periods = 2 * app_settings.TOTP_TOLERANCE + 1
        if not cache.add(key, True, timeout=periods * app_settings.TOTP_PERIOD):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(OnceOnly, AuthenticateForm):
    pass


class ConfirmByCodeForm(OnceOnly, ReauthenticateForm):
    pass


class CredentialField(forms.JSONField):
    """What a script writes: nobody can mend it, so it is not shown again."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError as error:
            raise get_adapter().validation_error("incorrect_code") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None


class SoundCredential:
    """What browsers never send is no passkey: the packages that parse it fail at it in many ways."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"] = CredentialField()  # type: ignore[attr-defined]  # of the form this is mixed into

    def full_clean(self) -> None:
        try:
            super().full_clean()  # type: ignore[misc]  # of the form this is mixed into
        except Exception:
            logger.info("A passkey could not be read.", exc_info=True)
            self.cleaned_data: dict[str, Any] = {}
            refusal = get_adapter().validation_error("incorrect_code")
            self.add_error("credential", refusal)  # type: ignore[attr-defined]  # of the form this is mixed into


class SignInByPasskeyForm(SoundCredential, LoginWebAuthnForm):
    pass


class PasskeyForm(SoundCredential, AuthenticateWebAuthnForm):
    pass


class ConfirmByPasskeyForm(SoundCredential, ReauthenticateWebAuthnForm):
    pass


class NamedPasskey:
    """A name to tell one device from another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["name"]  # type: ignore[attr-defined]  # of the form this is mixed into
        name.label = _("Name")
        name.help_text = _("To tell it from others, such as “telephone” or “work laptop”.")
        name.validators.append(MaxLengthValidator(LONGEST_NAME))
        name.widget.attrs["maxlength"] = LONGEST_NAME


class AddPasskeyForm(SoundCredential, NamedPasskey, AddWebAuthnForm):
    """Every passkey may sign in alone, so none is taken that its device did not ask a PIN, finger or face for."""

    passwordless = None

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["passwordless"] = True
        data: dict[str, Any] = super().clean()
        return data


class RenamePasskeyForm(NamedPasskey, EditWebAuthnForm):
    pass
