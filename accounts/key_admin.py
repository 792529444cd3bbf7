"""API keys and ChatAPI passes in the administration: to look at and to end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import api_keys, audit
from .audit import Action
from .models import SPENDING_LIMITS, ApiKey, Pass, State, User
from .reach import is_within_reach, within_reach
from .read_only import ReadOnly

if TYPE_CHECKING:
    PassAdminBase = admin.ModelAdmin[Pass]
    KeyAdminBase = admin.ModelAdmin[ApiKey]
else:
    PassAdminBase = KeyAdminBase = admin.ModelAdmin


class PassAdmin(PassAdminBase):
    """They are made by asking for one; deleting one ends it."""

    list_display = ("user", "issued_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Pass | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Pass | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or is_within_reach(request.user, obj.user))

    def delete_model(self, request: HttpRequest, obj: Pass) -> None:
        audit.record(Action.PASS_REVOKED, request=request, subject=obj.user)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pass]) -> None:
        for one in queryset.select_related("user"):
            with transaction.atomic():
                self.delete_model(request, one)


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return State.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        value = self.value()
        if value is None or value not in State.values:
            return queryset
        keys = api_keys.keys_in(State(value), now=timezone.now())
        return queryset.filter(pk__in=keys.values("pk"))


class ApiKeyAdmin(ReadOnly, KeyAdminBase):
    """To look at and to revoke. Its text is nowhere, and the hash of its secret is nobody's business."""

    fields = (
        "user",
        "name",
        "shown",
        "scope_list",
        "state_now",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
        *SPENDING_LIMITS,
    )
    list_display = (
        "name",
        "user",
        "shown",
        "scope_list",
        "state_now",
        "created_at",
        "expires_at",
        "last_used_at",
    )
    list_filter = (StateFilter, "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "name", "prefix")
    actions = ("revoke",)

    @admin.display(description=_("beginning"), ordering="prefix")
    def shown(self, key: ApiKey) -> str:
        return key.shown

    @admin.display(description=_("may be used to"))
    def scope_list(self, key: ApiKey) -> str:
        return format_html_join(", ", "{}", ([scope] for scope in key.scopes_shown))

    @admin.display(description=_("state"))
    def state_now(self, key: ApiKey) -> str:
        return str(key.state(timezone.now()).label)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        """Also by the beginning as it is shown, or as a program's log has it."""
        term = re.sub(r"\bck_([a-z0-9]{8})\S*", r"\1", search_term)
        return super().get_search_results(request, queryset, term)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """An address that filters by the hash would tell it, by what it lists."""
        return not lookup.startswith("secret_hash") and super().lookup_allowed(
            lookup, value, request
        )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apikey")

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Of people whose accounts one may change."""
        people = within_reach(request.user, User.objects.all())
        keys = queryset.filter(user__in=people.values("pk"))
        count = 0
        for key in keys.select_related("user"):
            with transaction.atomic():
                if api_keys.revoke_keys([key.pk], now=timezone.now()):
                    count += 1
                    audit.record(
                        Action.KEY_REVOKED, request=request, subject=key.user, target=key.name
                    )
        text = ngettext("%(count)d key revoked.", "%(count)d keys revoked.", count)
        messages.success(request, text % {"count": count})
