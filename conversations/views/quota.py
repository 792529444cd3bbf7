"""What a person may still spend, in the words of the chat page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import quotas
from accounts.models import User
from accounts.quotas import QuotaExceeded


@dataclass(frozen=True)
class QuotaView:
    """`text`: what is left; `low` from 80 % on. `limit`: what is used up and when it is renewed; empty before that."""

    text: str
    low: bool
    limit: str


def quota_view(user: User, limits: quotas.Limits) -> QuotaView:
    """One query at most; none where nothing is limited."""
    left = quotas.remaining(user, limits=limits, now=timezone.now())
    text, low = _left_today(left, limits)
    return QuotaView(text, low, _limit_reached(left, limits))


def _left_today(left: quotas.Remaining, limits: quotas.Limits) -> tuple[str, bool]:
    if left.requests_today is not None and left.requests_limit is not None:
        text = ngettext(
            "%(left)s of %(limit)s request left today",
            "%(left)s of %(limit)s requests left today",
            left.requests_limit,
        ) % {"left": left.requests_today, "limit": left.requests_limit}
        return text, left.requests_today * 5 <= left.requests_limit
    if left.tokens_today is not None and limits.tokens_per_day:
        text = _("%(left)s tokens left today") % {"left": left.tokens_today}
        return text, left.tokens_today * 5 <= limits.tokens_per_day
    return "", False


def _limit_reached(left: quotas.Remaining, limits: quotas.Limits) -> str:
    """The sentence with which the next send would be refused, if nothing at all is left of something."""
    for code, rest, limit, ends in (
        ("quota_money", left.money_this_month, limits.money_per_month, left.month_ends),
        ("quota_tokens", left.tokens_this_month, limits.tokens_per_month, left.month_ends),
        ("quota_tokens", left.tokens_today, limits.tokens_per_day, left.day_ends),
        ("quota_requests", left.requests_today, left.requests_limit, left.day_ends),
    ):
        if limit is not None and rest == 0:
            return str(QuotaExceeded(code, limit=limit, resets_at=ends).message)
    return ""
