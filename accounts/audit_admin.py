"""The audit log in the administration."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from chatsite.csv_files import csv_lines

from .models import AuditEntry
from .read_only import ReadOnly

if TYPE_CHECKING:
    AuditAdminBase = admin.ModelAdmin[AuditEntry]
else:
    AuditAdminBase = admin.ModelAdmin


class AuditEntryAdmin(ReadOnly, AuditAdminBase):
    """To look at and to take away as CSV: nothing here is ever changed."""

    list_display = ("at", "action", "actor_name", "subject_name", "target", "reason", "address")
    list_filter = ("action",)
    search_fields = ("actor_name", "subject_name", "target", "reason", "address")
    date_hierarchy = "at"
    actions = ("download",)

    @admin.action(description=_("Download as CSV"), permissions=["view"])
    def download(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> StreamingHttpResponse:
        """Row by row: a log may be long."""
        names = ("at", "action", "actor_name", "subject_name", "target", "reason", "address")
        rows = queryset.order_by("pk").values_list(*names).iterator()
        response = StreamingHttpResponse(
            csv_lines(itertools.chain([names], rows)), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return response
