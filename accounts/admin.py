"""Users and plans; what the other `…_admin.py` show is registered here. Whoever may see these pages sees no chats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import audit, second_factors, services, setup
from .audit import Action
from .audit_admin import AuditEntryAdmin
from .emails import confirm_addresses, once_committed, write_address
from .forms import UniqueNames
from .group_admin import GroupAdmin
from .import_admin import import_users
from .invitation_admin import InvitationAdmin
from .key_admin import ApiKeyAdmin, PassAdmin
from .models import (
    SPENDING_LIMITS,
    ApiKey,
    AuditEntry,
    DailyUsage,
    Invitation,
    Pass,
    Plan,
    UsagePeriod,
    UsageRecord,
    User,
)
from .reach import is_within_reach, within_reach
from .usage.admin import DailyUsageAdmin, UsagePeriodAdmin, UsageRecordAdmin

if TYPE_CHECKING:
    UserAdminBase = DjangoUserAdmin[User]
    PlanAdminBase = admin.ModelAdmin[Plan]
    PlanFormBase = forms.ModelForm[Plan]
    NewUserFormBase = AdminUserCreationForm[User]
    ChangeUserFormBase = UserChangeForm[User]
else:
    UserAdminBase = DjangoUserAdmin
    PlanAdminBase = admin.ModelAdmin
    PlanFormBase = forms.ModelForm
    NewUserFormBase, ChangeUserFormBase = AdminUserCreationForm, UserChangeForm


def list_of_names(value: object) -> list[str]:
    """A JSON field's value, if it is a list of texts. Raises ValidationError with the way to write one."""
    if not isinstance(value, list) or not all(
        isinstance(name, str) and name.strip() for name in value
    ):
        raise ValidationError(_('Write a list of texts in double quotes, such as ["one", "two"].'))
    return [name.strip() for name in value]


class NewUserForm(UniqueNames, NewUserFormBase):
    pass


class ChangeUserForm(UniqueNames, ChangeUserFormBase):
    class Meta(UserChangeForm.Meta):
        help_texts = {
            "is_active": _("Changed by actions of the list of users: suspend, let in again."),
            "default_model": _("The name of a model. Empty: the site's default."),
            "default_preset": _("The short name or id of a role preset. Empty: none."),
        }


@admin.register(User)
class UserAdmin(UserAdminBase):
    form = ChangeUserForm
    add_form = NewUserForm
    list_display = ("username", "email", "plan", "is_active", "is_staff", "last_login")
    list_filter = ("awaits_approval", "is_active", "is_staff", "is_superuser", "plan", "groups")
    search_fields = ("username", "email")
    filter_horizontal = ()  # its script speaks English only
    actions = ("approve", "suspend", "reactivate", "confirm_addresses", "remove_second_factors")
    fieldsets = (
        (None, {"fields": ("username", "password", "email")}),
        (_("What they may spend"), {"fields": ("plan", "groups")}),
        (_("Preferences"), {"fields": ("language", "default_model", "default_preset")}),
        (_("What they may do"), {"fields": ("is_staff", "is_superuser", "user_permissions")}),
        (
            _("State"),
            {"fields": ("is_active", "awaits_approval", "last_login", "date_joined", "chats")},
        ),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "email", "usable_password", "password1", "password2"),
            },
        ),
        (_("What they may spend"), {"fields": ("plan", "groups")}),
        (_("What they may do"), {"fields": ("is_staff", "is_superuser")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """One of ours before Django's, which takes anything for the number of a person."""
        view = self.admin_site.admin_view(import_users)
        return [path("import/", view, name="accounts_user_import"), *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """State is changed by the actions, which also end sessions; only administrators make others powerful.

        Nobody their own rights: the last administrator would be gone.
        """
        fixed: tuple[str, ...] = (
            "is_active",
            "awaits_approval",
            "last_login",
            "date_joined",
            "chats",
        )
        if not request.user.is_superuser:
            fixed += ("groups", "is_staff", "is_superuser", "user_permissions")
        elif obj == request.user:
            fixed += ("is_staff", "is_superuser")
        return fixed

    @admin.display(description=_("chats"))
    def chats(self, user: User) -> str:
        """The way to break the glass; the page itself decides who may."""
        if user.pk is None:
            return "–"
        url = reverse(settings.READ_CHATS_PAGE, args=[user.pk])
        return format_html('<a href="{}">{}</a>', url, _("Read them, with a reason…"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """An address that filters by what people wrote would tell it, by whom it lists."""
        personal = lookup.startswith("custom_instructions")
        return not personal and super().lookup_allowed(lookup, value, request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People delete their own account in the settings, which keep the last administrator."""
        may = super().has_delete_permission(request, obj) and _may_touch(request, obj)
        return may and obj != request.user

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = EmailAddress.objects.get_primary_email(obj) if change else None
        super().save_model(request, obj, form, change)
        if before and "email" in form.changed_data:
            addresses = {"from_email": before, "to_email": obj.email}
            _tell(obj, "account/email/email_changed", to=before, **addresses)
        if not change or "email" in form.changed_data:
            write_address(obj, verified=True)
        setup.forget_administrator()
        if not change:
            audit.record(Action.ACCOUNT_CREATED, request=request, subject=obj)
        for action, names in CHANGES.items():
            changed = [name for name in names if name in form.changed_data]
            if changed and (change or action != Action.EMAIL_CHANGED):
                audit.record(action, request=request, subject=obj, target=_told(form, changed))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            user = self.get_object(request, unquote(id))
            if user is not None and isinstance(response, HttpResponseRedirect):
                audit.record(Action.PASSWORD_CHANGED, request=request, subject=user)
                _tell(user, "account/email/password_changed")
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who may delete a person may delete what was theirs; it is counted, not listed row by row."""
        _rows, counts, _permissions, protected = super().get_deleted_objects(objs, request)
        return [str(user) for user in objs], counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        number = f"#{obj.pk}"
        with transaction.atomic():
            services.delete_account(obj, now=timezone.now())
            audit.record(Action.ACCOUNT_DELETED, request=request, target=number)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in _others_within_reach(request, queryset):
            self.delete_model(request, user)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        change: Callable[[list[User]], int],
        action: AuditEntry.Action,
        target: str = "",
    ) -> int:
        """Change those whom one may, and write down whom it changed. Returns how many."""
        count = 0
        for user in _others_within_reach(request, queryset):
            with transaction.atomic():
                if change([user]):
                    count += 1
                    audit.record(action, request=request, subject=user, target=target)
        return count

    @admin.action(description=_("Approve the selected users"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._each(request, queryset, services.approve, Action.APPROVED)
        text = ngettext("%(count)d user approved.", "%(count)d users approved.", count)
        messages.success(request, text % {"count": count})

    @admin.action(description=_("Suspend the selected users"), permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._each(request, queryset, services.suspend, Action.SUSPENDED)
        text = ngettext("%(count)d user suspended.", "%(count)d users suspended.", count)
        messages.success(request, text % {"count": count})
        if queryset.filter(username=request.user.get_username()).exists():
            messages.warning(request, _("You cannot suspend yourself."))

    @admin.action(description=_("Let the selected users in again"), permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._each(request, queryset, services.reactivate, Action.REACTIVATED)
        text = ngettext("%(count)d user let in again.", "%(count)d users let in again.", count)
        messages.success(request, text % {"count": count})

    @admin.action(
        description=_("Confirm the e-mail addresses of the selected users"), permissions=["change"]
    )
    def confirm_addresses(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For people whom no mail reaches. Whoever has the address gets into the account by it."""
        count = self._each(
            request, queryset, confirm_addresses, Action.EMAIL_CHANGED, target="verified"
        )
        text = ngettext("%(count)d address confirmed.", "%(count)d addresses confirmed.", count)
        messages.success(request, text % {"count": count})

    @admin.action(
        description=_("Remove the second factors of the selected users"), permissions=["change"]
    )
    def remove_second_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For a lost telephone. They are told by mail."""
        count = self._each(request, queryset, second_factors.remove_all, Action.FACTOR_REMOVED)
        text = ngettext(
            "%(count)d user signs in with the password alone now.",
            "%(count)d users sign in with the password alone now.",
            count,
        )
        messages.success(request, text % {"count": count})


# What a change of these fields of an account is called in the audit log.
CHANGES = {
    Action.PLAN_CHANGED: ("plan",),
    Action.ROLE_CHANGED: ("groups", "is_staff", "is_superuser", "user_permissions"),
    Action.EMAIL_CHANGED: ("email",),
}


def _told(form: Any, names: Iterable[str]) -> str:
    """What these fields of a valid form say."""
    values = {name: form.cleaned_data[name] for name in names}
    return ", ".join(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, QuerySet) else value}"
        for name, value in values.items()
    )


def _tell(user: User, mail: str, *, to: str | None = None, **context: object) -> None:
    """By mail where that is configured: nobody takes an account unseen. to: the address that no longer counts."""
    once_committed(get_adapter().send_notification_mail, mail, user, {"user": user, **context}, to)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or is_within_reach(request.user, user)


def _others_within_reach(request: HttpRequest, users: QuerySet[User]) -> QuerySet[User]:
    """All but oneself and those whom one may not touch."""
    return within_reach(request.user, users.exclude(username=request.user.get_username()))


class PlanForm(PlanFormBase):
    def clean_allowed_models(self) -> list[str]:
        return list_of_names(self.cleaned_data["allowed_models"] or [])


@admin.register(Plan)
class PlanAdmin(PlanAdminBase):
    form = PlanForm
    list_display = (
        "name",
        "is_default",
        *SPENDING_LIMITS,
        "concurrent_completions",
    )
    fields = (
        "name",
        *(tuple(SPENDING_LIMITS[at : at + 2]) for at in (0, 2, 4)),
        "concurrent_completions",
        "allowed_models",
        "is_default",
        "groups",
    )
    readonly_fields = ("is_default",)
    actions = ("make_default",)

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        told = _told(form, form.changed_data)
        audit.record(Action.PLAN_CHANGED, request=request, target=f"{obj}: {told}")

    def delete_model(self, request: HttpRequest, obj: Plan) -> None:
        with transaction.atomic():
            audit.record(Action.PLAN_CHANGED, request=request, target=f"{obj}: –")
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        for plan in queryset:
            self.delete_model(request, plan)

    @admin.action(description=_("Make the selected plan the default"), permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        with transaction.atomic():
            if make_only_default(self, request, queryset):
                told = f"{queryset.get()}: is_default: True"
                audit.record(Action.PLAN_CHANGED, request=request, target=told)


def make_only_default(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> bool:
    """Make the one selected row the default; at most one may be, so it is no field to tick. False if not one is."""
    if queryset.count() != 1:
        model_admin.message_user(request, _("Select one row, no more."), messages.ERROR)
        return False
    with transaction.atomic():
        queryset.model.objects.filter(is_default=True).update(is_default=False)
        queryset.update(is_default=True)
    model_admin.message_user(request, _("It is the default now."), messages.SUCCESS)
    return True


admin.site.unregister(Group)
admin.site.register(Group, GroupAdmin)
admin.site.register(Invitation, InvitationAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(Pass, PassAdmin)
admin.site.register(DailyUsage, DailyUsageAdmin)
admin.site.register(UsagePeriod, UsagePeriodAdmin)
admin.site.register(UsageRecord, UsageRecordAdmin)
admin.site.register(AuditEntry, AuditEntryAdmin)
