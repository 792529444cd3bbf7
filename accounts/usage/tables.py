"""Sums as people read them: rows of tables, the chart above them, and files for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chatsite.csv_files import csv_lines

from ..models import UsageRecord
from ..quotas.words import number
from .charts import Chart, bar_chart
from .reports import Grouped, Sums

MEASURES = {
    "requests": gettext_lazy("Requests"),
    "tokens": gettext_lazy("Tokens"),
    "money": gettext_lazy("Money"),
}
FILE_SUMS = ("requests", "tokens_in", "tokens_out", "tokens_cached", "money", "calls", "errors")


@dataclass(frozen=True)
class Row:
    """note: smaller, beside the name."""

    name: str
    sums: Sums
    note: str = ""

    @property
    def money(self) -> str:
        return number(self.sums.money)

    @property
    def requests(self) -> str:
        return number(self.sums.requests)

    @property
    def tokens(self) -> str:
        return number(self.sums.tokens)

    @property
    def tokens_in(self) -> str:
        return number(self.sums.tokens_in)

    @property
    def tokens_out(self) -> str:
        return number(self.sums.tokens_out)

    @property
    def errors(self) -> str:
        return number(self.sums.errors)

    @property
    def error_share(self) -> str:
        return share(self.sums.errors, self.sums.calls)

    @property
    def first_word(self) -> str:
        return seconds(self.sums.seconds_to_first_token)

    @property
    def within_1s(self) -> str:
        return share(self.sums.first_tokens_in_1s, self.sums.first_tokens)

    @property
    def within_5s(self) -> str:
        return share(self.sums.first_tokens_in_5s, self.sums.first_tokens)


@dataclass(frozen=True)
class Choice:
    """One of several views of a page. query: what leads there."""

    label: str
    query: str
    is_current: bool


def seconds(value: float | None) -> str:
    return "–" if value is None else _("%(seconds)s s") % {"seconds": f"{value:.1f}"}


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def model_rows(rows: Grouped) -> list[Row]:
    """Of sums by model and service."""
    return [
        Row(
            model or _("Unknown model"),
            sums,
            "" if service == UsageRecord.Service.CHAT else str(UsageRecord.Service(service).label),
        )
        for (model, service), sums in rows
    ]


def key_rows(rows: Grouped) -> list[Row]:
    """Of sums by the key's name, beginning and perhaps owner, all None without a key."""
    return [
        Row(name, sums, " ".join((f"ck_{prefix}_…", *owner)))
        if prefix
        else Row(_("Without a key"), sums)
        for (name, prefix, *owner), sums in rows
    ]


def day_rows(days: Iterable[tuple[date, Sums]]) -> list[Row]:
    """The newest first."""
    return [Row(date_format(day, "DATE_FORMAT"), sums) for day, sums in days][::-1]


def chart_of(days: Sequence[tuple[date, Sums]], measure: str) -> Chart:
    values = [getattr(sums, measure) for _day, sums in days]
    labels = [date_format(day, "MONTH_DAY_FORMAT") for day, _sums in days]
    return bar_chart(values, labels=labels, texts=[number(value) for value in values])


def csv_file(name: str, header: Sequence[str], rows: Grouped) -> HttpResponse:
    """header: the names of what the sums are grouped by. One language for all programs that read it."""
    lines = [
        [*values, *(_cell(sums, one) for one in FILE_SUMS), _mean(sums)] for values, sums in rows
    ]
    text = csv_lines([[*header, *FILE_SUMS, "seconds_to_first_token"], *lines])
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _cell(sums: Sums, name: str) -> Any:
    value = getattr(sums, name)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _mean(sums: Sums) -> float | None:
    mean = sums.seconds_to_first_token
    return None if mean is None else round(mean, 3)
