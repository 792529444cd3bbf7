"""Invitations in the admin: make one, see who joined with it, revoke it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import audit, invitations, selectors
from .emails import once_committed
from .models import Invitation, User

if TYPE_CHECKING:
    InvitationAdminBase = admin.ModelAdmin[Invitation]
    InvitationFormBase = forms.ModelForm[Invitation]
else:
    InvitationAdminBase, InvitationFormBase = admin.ModelAdmin, forms.ModelForm

LIFETIME = timedelta(days=14)  # unless another is chosen


def in_two_weeks() -> datetime:
    return (timezone.now() + LIFETIME).replace(second=0, microsecond=0)


class InvitationForm(InvitationFormBase):
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if email and selectors.is_email_taken(email):
            raise ValidationError(_("A user with that e-mail address already exists."))
        return email

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(_("That is over. Choose a later time, or none."))
        return expires_at

    def clean(self) -> dict[str, Any] | None:
        data = super().clean() or {}
        if data.get("email") and data.get("uses", 1) > 1:
            self.add_error("uses", _("An address can join once."))
        return data


class InvitationAdmin(InvitationAdminBase):
    form = InvitationForm
    fields = ("email", "note", "plan", "uses", "expires_at")
    list_display = (
        "created_at",
        "note",
        "email",
        "plan",
        "uses_so_far",
        "expires_at",
        "state_now",
        "created_by",
    )
    list_select_related = ("plan", "created_by")
    list_filter = ("created_at", "plan")
    search_fields = ("note", "email", "guests__username")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        if obj is None:
            return self.fields
        return (
            "email",
            "note",
            "plan",
            "uses",
            "used",
            "guests",
            "state_now",
            "created_at",
            "created_by",
            "expires_at",
            "revoked_at",
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": in_two_weeks(), **super().get_changeform_initial_data(request)}

    @admin.display(description=_("used"), ordering="used")
    def uses_so_far(self, invitation: Invitation) -> str:
        return f"{invitation.used} / {invitation.uses}"

    @admin.display(description=_("state"))
    def state_now(self, invitation: Invitation) -> str:
        return str(invitation.state(timezone.now()).label)

    @admin.display(description=_("joined"))
    def guests(self, invitation: Invitation) -> str:
        return ", ".join(invitation.guests.values_list("username", flat=True)) or "–"

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_invitation")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """An address that filters by the hash would tell it, by what it lists."""
        return not lookup.startswith("token_hash") and super().lookup_allowed(
            lookup, value, request
        )

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """The link is in a message: nobody sees it again."""
        assert isinstance(request.user, User)  # noqa: S101 (tells the type checker)
        link = invitations.link_to(invitations.issue(obj, by=request.user), request)
        text = gettext("Copy the link now, it is shown this once: %(link)s")
        messages.warning(request, text % {"link": link})
        audit.record(audit.Action.INVITED, request=request, target=obj)
        if obj.email and settings.EMAIL_URL:
            once_committed(invitations.send_link, obj, link)
            text = gettext("It is also mailed to %(email)s.")
            messages.success(request, text % {"email": obj.email})
        if settings.SIGNUP == "closed":
            text = gettext("Nobody can join while SIGNUP is closed. Set it to invite first.")
            messages.error(request, text)

    def delete_model(self, request: HttpRequest, obj: Invitation) -> None:
        """Nobody joins with it any more."""
        audit.record(audit.Action.INVITATION_REVOKED, request=request, target=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        for invitation in queryset:
            with transaction.atomic():
                self.delete_model(request, invitation)

    @admin.action(description=_("Revoke the selected invitations"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        count = 0
        for invitation in queryset:
            with transaction.atomic():
                if invitations.revoke(invitation, now=timezone.now()):
                    count += 1
                    audit.record(
                        audit.Action.INVITATION_REVOKED, request=request, target=invitation
                    )
        text = ngettext("%(count)d invitation revoked.", "%(count)d invitations revoked.", count)
        messages.success(request, text % {"count": count})
