"""How much may still be asked, in the headers in which OpenAI says it: counted by the day, in the site's time zone."""

from __future__ import annotations

from datetime import datetime

from accounts import quotas
from accounts.callers import Caller


def rate_limits(caller: Caller, *, now: datetime) -> dict[str, str]:
    """After the reservation: the person's or the key's, whatever leaves less. At most two queries."""
    left = [(caller.limits, quotas.remaining(caller.user, limits=caller.limits, now=now))]
    if caller.api_key is not None:
        own = quotas.limits_of_key(caller.api_key)
        of_key = quotas.remaining(caller.user, limits=own, api_key=caller.api_key, now=now)
        left.append((own, of_key))
    resets = _duration((left[0][1].day_ends - now).total_seconds())
    headers: dict[str, str] = {}
    for name in ("requests", "tokens"):
        found = [
            (getattr(remaining, f"{name}_today"), getattr(limits, f"{name}_per_day"))
            for limits, remaining in left
            if getattr(limits, f"{name}_per_day") is not None
        ]
        if found:
            remaining, limit = min(found)
            headers[f"X-RateLimit-Limit-{name.title()}"] = str(limit)
            headers[f"X-RateLimit-Remaining-{name.title()}"] = str(remaining)
            headers[f"X-RateLimit-Reset-{name.title()}"] = resets
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: 6h3m0s."""
    hours, rest = divmod(max(0, round(seconds)), 3600)
    return f"{hours}h{rest // 60}m{rest % 60}s"
