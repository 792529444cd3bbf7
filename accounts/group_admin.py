"""Groups: whoever changes one changes what its members may do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from . import audit
from .audit import Action


class GroupAdmin(DjangoGroupAdmin):
    """For administrators to change, as rights are everywhere; each change stands in the audit log."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Written down here, when the permissions are there, too."""
        super().save_related(request, form, formsets, change)
        if form.has_changed():
            codes = form.instance.permissions.order_by("codename").values_list(
                "codename", flat=True
            )
            self._write_down(request, form.instance, ", ".join(codes) or "–")

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        self._write_down(request, obj, "–")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        for group in queryset:
            self.delete_model(request, group)

    def _write_down(self, request: HttpRequest, group: Group, what: str) -> None:
        audit.record(Action.ROLE_CHANGED, request=request, target=f"{group}: {what}")
