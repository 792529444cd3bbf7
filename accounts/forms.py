"""The forms of the setup link, the profile and the e-mail address. Sign-in, sign-up and passwords have allauth's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import AddEmailForm, LoginForm, SignupForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from chatsite.views import error_page

from . import invitations, joining, selectors
from .emails import must_be_verified, write_address
from .models import User, check_fits, fold

if TYPE_CHECKING:
    UserForm = forms.ModelForm[User]
else:
    UserForm = forms.ModelForm


LONGEST_LOGIN = 254  # the longest address; names are shorter
NAME_TAKEN = _("A user with that name already exists.")


class UniqueNames(UserForm):
    """Says kindly what the unique keys would refuse: a name or address that reads like another's."""

    def clean_username(self) -> str:
        username: str = User.normalize_username(self.cleaned_data["username"])
        check_fits(username, field="username")
        if selectors.is_username_taken(username, but_by=self.instance):
            raise ValidationError(NAME_TAKEN, code="unique")
        return username

    def clean_email(self) -> str:
        """Lower case, as allauth looks for it."""
        email: str = self.cleaned_data["email"].lower()
        check_fits(email, field="email")
        if selectors.is_email_taken(email, but_by=self.instance):
            raise ValidationError(
                _("A user with that e-mail address already exists."), code="unique"
            )
        return email


class SetupForm(UniqueNames):
    """The first administrator."""

    password1 = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )
    password2 = forms.CharField(
        label=_("Password (again)"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = ("username", "email")
        widgets = {
            "username": forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        password = data.get("password1")
        if password and data.get("password2") and password != data["password2"]:
            self.add_error("password2", _("The two passwords are not the same."))
        if password:
            try:
                validate_password(
                    password, User(username=data.get("username", ""), email=data.get("email", ""))
                )
            except ValidationError as error:
                self.add_error("password1", error)
        return data


class SignInForm(LoginForm):
    """allauth's, in the words of this site and for password managers.

    A name longer than any is not looked for: SQLite fails at a pattern of 50,000 characters.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.validators.append(MaxLengthValidator(LONGEST_LOGIN))
        login.label = _("User name or e-mail address")
        login.widget.attrs = {
            "autocomplete": "username",
            "autocapitalize": "none",
            "autofocus": True,
        }

    def user_credentials(self) -> dict[str, Any]:
        """An address that is nobody's name is not tried as one, too: checked twice, it would tell that it is known."""
        credentials: dict[str, Any] = super().user_credentials()
        if "email" in credentials and not selectors.is_username_taken(credentials["username"]):
            del credentials["username"]
        return credentials


def invitation_is_over(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        404,
        "invitation_invalid",
        str(_("This invitation is over")),
        _(
            "It has been used, has expired or was taken back. Ask whoever sent it, or an administrator, for another."
        ),
    )


class SignUpForm(SignupForm):
    """allauth's, in the words of this site."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["email"].label = _("E-mail address")
        self.fields["username"].widget.attrs["autofocus"] = True
        self.invitation = invitations.of_visitor(context.request)
        if self.invitation is not None and self.invitation.email:
            self.fields["email"].initial = self.invitation.email
            self.fields["email"].required = True

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if self.invitation is not None and fold(self.invitation.email) not in (None, email):
            raise ValidationError(
                _("The invitation is for %(email)s."), params={"email": self.invitation.email}
            )
        return email

    def validate_unique_email(self, value: str) -> str:
        """Whoever waits for its confirmation does not keep an address from its owner."""
        email: str = super().validate_unique_email(value)
        verified = EmailAddress.objects.filter(email=value, verified=True)
        if not selectors.is_email_taken(value) and not verified.exists():
            self.account_already_exists = False
        return email

    def try_save(self, request: HttpRequest) -> tuple[Any, HttpResponseBase | None]:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # or time would tell that there is one
        try:
            with transaction.atomic():
                saved: tuple[Any, HttpResponseBase | None] = super().try_save(request)
                if saved[0] is not None:
                    joining.let_in(saved[0], self.invitation)
            invitations.forget(request)
            return saved
        except invitations.InvitationOver:
            return None, invitation_is_over(request)
        except IntegrityError:  # the same name, taken between the check and the insert
            title = _("That name is taken")
            return None, error_page(request, 409, "name_taken", str(title), NAME_TAKEN)


class ResetPasswordForm(AllauthResetPasswordForm):
    """allauth's, for addresses that count. One that waits beside another for its confirmation opens no account."""

    users: list[User]

    def clean_email(self) -> str:
        """As it is kept: what is merely read alike may be another mailbox."""
        super().clean_email()
        email = fold(self.cleaned_data["email"]) or ""
        verified = set(
            EmailAddress.objects.filter(email=email, verified=True).values_list("user", flat=True)
        )
        self.users = [user for user in self.users if user.email_key == email or user.pk in verified]
        return email


class ProfileForm(UniqueNames):
    """What a person may change of themselves without being asked for the password."""

    class Meta:
        model = User
        fields = ("username", "language", "custom_instructions", "model_titles")
        widgets = {
            "username": forms.TextInput(attrs={"autocomplete": "username"}),
            "custom_instructions": forms.Textarea(attrs={"rows": 6}),
        }
        help_texts = {
            "username": _("Letters, digits and @ . + - _ only. You sign in with it."),
            "custom_instructions": _(
                "Sent with every question of yours: who you are, how answers should be."
            ),
            "model_titles": _(
                "After the first answer the same model is asked for a title: a small request of its own, which counts"
                " and is listed in your usage. Otherwise the first line of your question is the title, for nothing."
            ),
        }

    clean_email = None  # type: ignore[assignment]  # the address has a page of its own

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = self.fields["language"]
        language.choices = [("", _("As the browser asks")), *settings.LANGUAGES]  # type: ignore[attr-defined]


class AppearanceForm(UserForm):
    """How the site looks to this person, and which keys it obeys."""

    class Meta:
        model = User
        fields = ("theme", "high_contrast", "send_key", "shortcuts")
        widgets = {"theme": forms.RadioSelect, "send_key": forms.RadioSelect}
        help_texts = {
            "high_contrast": _(
                "Stronger lines and text. A device that asks for more contrast gets it anyway."
            ),
            "send_key": _("On a touch screen the button sends and Enter begins a new line."),
            "shortcuts": _(
                "Turn them off if they get in the way of your browser or screen reader."
            ),
        }


class ChangeEmailForm(AddEmailForm):
    """With mail configured the new address waits for its confirmation; without, it counts at once."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        check_fits(email, field="email")
        if not must_be_verified() and selectors.is_email_taken(email, but_by=self.user):
            raise get_adapter().validation_error("email_taken")
        return email

    def save(self, request: HttpRequest) -> Any:
        if must_be_verified():
            return super().save(request)
        self.user.email = self.cleaned_data["email"]
        self.user.save(update_fields=["email"])
        write_address(self.user, verified=False)
        return EmailAddress.objects.get_primary(self.user)
