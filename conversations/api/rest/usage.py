"""What the person has spent, and may still spend."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from accounts import quotas
from accounts.callers import Caller
from accounts.models import ApiKey
from accounts.quotas import Allowance, Limits, Period

from .keys import READ, caller
from .schemas import ON_READING, Usage

usage = Router(tags=["Usage"], auth=READ)


@usage.get("", response={200: Usage, **ON_READING}, summary="Read what you have spent")
def get_usage(request: HttpRequest) -> dict[str, Any]:
    """Today and this month, in all and through this key; what is left of it, and when it is renewed."""
    asking, now = caller(request), timezone.now()
    period = Period.at(now)
    key = asking.api_key
    return {
        **_account(asking, asking.limits, None, now),
        "resets": {"today": period.day_ends, "month": period.month_ends},
        "key": key and {"name": key.name, **_account(asking, quotas.limits_of_key(key), key, now)},
    }


def _account(asking: Caller, limits: Limits, key: ApiKey | None, now: datetime) -> dict[str, Any]:
    """Of the person, or of a key of theirs."""
    today, month = quotas.used(asking.user, api_key=key, now=now)
    found = quotas.allowances(asking.user, limits=limits, api_key=key, now=now)
    return {
        "today": today,
        "month": month,
        "limits": limits,
        "remaining": {_name(one): one.left for one in found},
        "low": [_name(one) for one in found if one.is_low],
    }


def _name(of: Allowance) -> str:
    """Among what remains."""
    return f"{of.amount}_{'today' if of.kind == 'day' else 'this_month'}"
