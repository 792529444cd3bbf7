"""The page of what one has used: today and this month against what one may, and the last thirty days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .. import quotas
from ..models import User
from ..quotas import Allowance, Period, Used
from ..quotas.words import number
from ..views import signed_in_user
from .reports import Sums, each_day, given_back, largest_first, spent_by, sums_by
from .tables import (
    MEASURES,
    Choice,
    chart_of,
    csv_file,
    day_rows,
    key_rows,
    model_rows,
)

DAYS = 30  # of the page
DAYS_OF_FILE = 366


@dataclass(frozen=True)
class Amount:
    """What was used of something in a period, and if that is limited, what is left."""

    label: str
    used: str
    allowance: Allowance | None

    @property
    def limit(self) -> str:
        return number(self.allowance.limit) if self.allowance else ""

    @property
    def left(self) -> str:
        return number(self.allowance.unspent) if self.allowance else ""

    @property
    def hundredths(self) -> int:
        return min(int(100 * self.allowance.part_spent), 100) if self.allowance else 0


@dataclass(frozen=True)
class Account:
    """A day or a month. returned: what a reset gave back of it, whose use is in the sums of the days."""

    title: str
    amounts: list[Amount]
    renews_at: datetime
    returned: Sums | None

    @property
    def is_limited(self) -> bool:
        return any(amount.limit for amount in self.amounts)


@never_cache
@login_required
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Ten queries at most, however much there is."""
    user, now = signed_in_user(request), timezone.now()
    last = Period.at(now).day
    first = last - timedelta(days=DAYS - 1)
    rows = spent_by(user, first, last)
    days = each_day(sums_by(rows, "day"), first, last)
    measure = request.GET.get("show", "")
    measure = measure if measure in MEASURES else "requests"
    context: dict[str, Any] = {"accounts": _accounts(user, now)}
    if any(sums.calls for _day, sums in days):
        context |= {
            "measure": MEASURES[measure],
            "measures": [
                Choice(str(label), f"?show={name}", name == measure)
                for name, label in MEASURES.items()
            ],
            "chart": chart_of(days, measure),
            "days": day_rows(days),
            "models": model_rows(largest_first(sums_by(rows, "model_name", "service"), measure)),
            "keys": key_rows(
                largest_first(sums_by(rows, "api_key__name", "api_key__prefix"), measure)
            ),
        }
    return render(request, "accounts/usage.html", context)


def _accounts(user: User, now: datetime) -> list[Account]:
    period = Period.at(now)
    today, month = quotas.used(user, now=now)
    allowed = quotas.allowances(user, limits=quotas.limits_of(user), now=now)
    returned = given_back(user, period)
    return [
        Account(title, _amounts(used, allowed, kind), renews_at, returned.get(kind))
        for title, kind, used, renews_at in (
            (_("Today"), "day", today, period.day_ends),
            (_("This month"), "month", month, period.month_ends),
        )
    ]


def _amounts(used: Used, allowed: list[Allowance], kind: str) -> list[Amount]:
    """What is limited is counted as where people are refused: requests as soon as they are made."""
    limited = {one.amount: one for one in allowed if one.kind == kind}
    return [
        Amount(str(label), number(allowance.spent if allowance else getattr(used, name)), allowance)
        for name, label in MEASURES.items()
        for allowance in (limited.get(name),)
    ]


@never_cache
@login_required
@require_safe
def usage_file(request: HttpRequest) -> HttpResponse:
    """The last year, a line for each day, model, service and key."""
    user = signed_in_user(request)
    last = Period.at(timezone.now()).day
    rows = spent_by(user, last - timedelta(days=DAYS_OF_FILE - 1), last)
    by = ("day", "model_name", "service", "api_key__name", "api_key__prefix")
    found = sorted(sums_by(rows, *by), key=lambda row: [str(value or "") for value in row[0]])
    columns = ("day", "model", "service", "api_key", "beginning")
    return csv_file(f"usage-{last:%Y-%m-%d}", columns, found)
