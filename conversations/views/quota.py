"""What a person may still spend, in the words of the chat page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from accounts import quotas
from accounts.models import User
from accounts.quotas import QuotaExceeded, words


@dataclass(frozen=True)
class QuotaView:
    """`text`: what is left of what is nearest its limit; when it is `low`, from 80 % on, also until when.

    limit: the sentence with which the next message would be refused; empty before something is used up.
    """

    text: str = ""
    low: bool = False
    limit: str = ""


def quota_view(user: User, limits: quotas.Limits) -> QuotaView:
    """One query at most; none where nothing is limited."""
    found = quotas.allowances(user, limits=limits, now=timezone.now())
    if not found:
        return QuotaView()
    # Of several that are as near, the request of today: it is the one that everybody counts.
    nearest = max(reversed(found), key=lambda one: one.part_spent)
    text = words.what_is_left(nearest)
    used_up = next((one for one in found if one.is_used_up), None)
    if used_up is not None:
        return QuotaView(text, low=True, limit=QuotaExceeded.of(used_up).message)
    if nearest.is_low:
        text = words.warning(nearest)
    return QuotaView(text, low=nearest.is_low)
