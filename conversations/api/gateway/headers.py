"""How much may still be asked, in the headers in which OpenAI says it."""

from __future__ import annotations

from datetime import datetime

from accounts import quotas
from accounts.callers import Caller


def rate_limits(caller: Caller, *, now: datetime) -> dict[str, str]:
    """After the reservation: of the person or the key, of the day or the month, whatever leaves least.

    At most two queries.
    """
    found = quotas.allowances(caller.user, limits=caller.limits, now=now)
    if caller.api_key is not None:
        own = quotas.limits_of_key(caller.api_key)
        found += quotas.allowances(caller.user, limits=own, api_key=caller.api_key, now=now)
    headers: dict[str, str] = {}
    for name in ("requests", "tokens"):
        allowance = quotas.least(found, name)
        if allowance is not None:
            seconds = (allowance.renews_at - now).total_seconds()
            headers[f"X-RateLimit-Limit-{name.title()}"] = str(allowance.limit)
            headers[f"X-RateLimit-Remaining-{name.title()}"] = str(allowance.left)
            headers[f"X-RateLimit-Reset-{name.title()}"] = _duration(seconds)
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: 6h3m0s."""
    hours, rest = divmod(max(0, round(seconds)), 3600)
    return f"{hours}h{rest // 60}m{rest % 60}s"
