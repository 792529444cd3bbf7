"""The form that makes an API key. It works without scripts, and one form makes one key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from . import api_keys
from .models import SPENDING_LIMITS, ApiKey, Scope, User
from .quotas import Period

LARGEST = 2**63 - 1  # that a column of the database holds
DAYS = {"30": 30, "90": 90, "365": 365, "never": None}


def _typed_number(keyboard: str) -> forms.TextInput:
    """Not of the type number: what a browser takes for none, it sends as nothing."""
    return forms.TextInput(attrs={"inputmode": keyboard, "autocomplete": "off"})


def _whole_number(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=LARGEST,
        widget=_typed_number("numeric"),
    )


def _money(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=6,
        help_text=_("In the currency of the models' prices."),
        widget=_typed_number("decimal"),
    )


class NameField(forms.CharField):
    """On one line, without characters that are not seen: they could turn the text around it."""

    def clean(self, value: Any) -> str:
        words = " ".join(super().clean(value).split())
        name = "".join(char for char in words if char.isprintable()).strip()
        if not name:
            raise ValidationError(self.error_messages["required"], code="required")
        return name


class KeyForm(forms.Form):
    """What a key is for, how long, and how much may be spent through it."""

    form_id = forms.UUIDField(
        required=False, initial=uuid4, widget=forms.HiddenInput(attrs={"autocomplete": "off"})
    )
    name = NameField(
        label=_("Name"),
        max_length=60,
        help_text=_("The program or the computer that will use it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("May be used to"),
        choices=lambda: [
            (scope.value, format_html("<span>{}</span>", scope.shown)) for scope in Scope
        ],
        initial=[Scope.CHAT],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Choose at least one."),
            "invalid_choice": _("Choose among these."),
        },
    )
    expires = forms.ChoiceField(
        label=_("Expires"),
        choices=[
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
            ("never", _("Only when I revoke it")),
        ],
        initial="90",
        error_messages={"invalid_choice": _("Choose among these.")},
    )
    requests_per_day = _whole_number(_("Requests a day"))
    requests_per_month = _whole_number(_("Requests a month"))
    tokens_per_day = _whole_number(_("Tokens a day"))
    tokens_per_month = _whole_number(_("Tokens a month"))
    money_per_day = _money(_("Money a day"))
    money_per_month = _money(_("Money a month"))

    def key_id(self, user: User) -> UUID | None:
        """Of the key that this form makes for this person, however often it is sent."""
        form_id: UUID | None = self.cleaned_data["form_id"]
        return None if form_id is None else uuid5(form_id, str(user.pk))

    def key_fields(self, *, now: datetime) -> dict[str, Any]:
        """For `create_key`. After `is_valid`."""
        data = self.cleaned_data
        days = DAYS[data["expires"]]
        day = Period.at(now).day
        return {
            **{name: data[name] for name in ("name", "scopes", *SPENDING_LIMITS)},
            "expires_at": None if days is None else api_keys.end_of(day + timedelta(days=days)),
        }

    def describes(self, key: ApiKey) -> bool:
        """Whether it says what it said when it made this key. After `is_valid`."""
        data = self.cleaned_data
        same = all(data[name] == getattr(key, name) for name in ("name", *SPENDING_LIMITS))
        return same and set(data["scopes"]) == set(key.scopes)

    def for_another_key(self) -> KeyForm:
        """The same as it was typed, to make a key of its own."""
        typed = QueryDict(mutable=True)
        typed.update(self.data)
        typed["form_id"] = str(uuid4())
        return KeyForm(typed)

    def focus_first_error(self) -> None:
        """The page, once shown, begins where something is wrong."""
        first = next((field for field in self.visible_fields() if field.errors), None)
        if first is not None:
            first.field.widget.attrs["autofocus"] = True

    def about(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in SPENDING_LIMITS]

    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in SPENDING_LIMITS]

    @property
    def uses_limits(self) -> bool:
        """Whether that part of the page has anything in it to see at once."""
        return any(field.errors or field.value() not in {None, ""} for field in self.limits())
