"""The form with which a person says how long conversations are kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User

MOST_DAYS = 36_500
OFFERED = ("", "30", "90", "365")
OTHER = "other"


class RetentionForm(forms.Form):
    """keep: "" for ever, a number of days, or `other` with that number in `days`."""

    keep = forms.ChoiceField(
        label=_("A conversation that I do not use"),
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("", _("is kept")),
            ("30", _("goes after 30 days")),
            ("90", _("goes after 90 days")),
            ("365", _("goes after a year")),
            (OTHER, _("goes after another number of days:")),
        ],
    )
    days = forms.IntegerField(
        label=_("Days"), required=False, min_value=1, max_value=MOST_DAYS, localize=False
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("keep") == OTHER and data.get("days") is None and "days" not in self.errors:
            self.add_error("days", _("Write how many days, such as 60."))
        return data

    @property
    def chosen_days(self) -> int | None:
        """Of a valid form; None for ever."""
        keep: str = self.cleaned_data["keep"]
        if keep == OTHER:
            return int(self.cleaned_data["days"])
        return int(keep) if keep else None

    @classmethod
    def of(cls, user: User) -> RetentionForm:
        """As it is now."""
        days = str(user.retention_days or "")
        return cls(initial={"keep": days} if days in OFFERED else {"keep": OTHER, "days": days})
