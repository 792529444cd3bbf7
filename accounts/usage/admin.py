"""What was used, by everybody, in the administration: a page that adds it up, the counters and the ledger.

`admin.py` registers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import DailyUsage, UsagePeriod, UsageRecord
from ..read_only import ReadOnly
from .overview import Overview, overview_of
from .tables import csv_file

if TYPE_CHECKING:
    DailyAdminBase = admin.ModelAdmin[DailyUsage]
    PeriodAdminBase = admin.ModelAdmin[UsagePeriod]
    RecordAdminBase = admin.ModelAdmin[UsageRecord]
else:
    DailyAdminBase = PeriodAdminBase = RecordAdminBase = admin.ModelAdmin


class DailyUsageAdmin(ReadOnly, DailyAdminBase):
    """One page instead of a list of rows, and the same as a file."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="accounts_dailyusage_changelist"),
            path("usage.csv", view(self.file_view), name="accounts_dailyusage_file"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Two queries besides those of every page of the administration."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Usage"),
            "overview": self._overview(request),
        }
        return TemplateResponse(request, "admin/accounts/usage.html", context)

    def file_view(self, request: HttpRequest) -> HttpResponse:
        overview = self._overview(request)
        name = f"usage-by-{overview.by}-{overview.first}-{overview.last}"
        return csv_file(name, overview.file_columns, overview.groups)

    def _overview(self, request: HttpRequest) -> Overview:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return overview_of(request.GET, now=timezone.now())


class UsagePeriodAdmin(ReadOnly, PeriodAdminBase):
    list_display = (
        "user",
        "api_key",
        "kind",
        "start",
        "used_requests",
        "used_tokens",
        "used_money",
        "reserved_requests",
        "reserved_tokens",
        "reserved_money",
    )
    list_filter = ("kind", "start", ("api_key", admin.EmptyFieldListFilter))
    list_select_related = ("user", "api_key")
    search_fields = ("user__username", "api_key__prefix")
    ordering = ("-start", "user__username")


class UsageRecordAdmin(ReadOnly, RecordAdminBase):
    """The ledger has a row for each answer that there ever was: nothing on this page looks at all of them."""

    list_display = (
        "recorded_at",
        "user",
        "api_key",
        "service",
        "outcome",
        "model_name",
        "requests",
        "tokens_in",
        "tokens_out",
        "estimated",
        "money",
        "actor",
    )
    list_filter = ("day", "outcome", "service", "estimated")
    list_select_related = ("user", "api_key")
    search_fields = ("user__username", "api_key__prefix", "model_name")
    show_full_result_count = False
    ordering = ("-recorded_at",)
