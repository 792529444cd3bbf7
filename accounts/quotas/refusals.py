"""Which limit is reached, and in which words that is said."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .counters import Payer, counters_of
from .limits import Limits
from .periods import Period


class QuotaExceeded(Exception):
    """A limit is reached. Nothing was reserved.

    code: quota_requests, quota_tokens, quota_money or too_many_running.
    limit: the plan's number. resets_at: when it is renewed; None for too_many_running.
    answers: how many were asked for together, each of which counts.
    of_key: the limit is that of the API key, not of the person.
    """

    status = 429
    answers = 1
    of_key = False

    def __init__(self, code: str, *, limit: int | Decimal, resets_at: datetime | None) -> None:
        super().__init__(code)
        self.code = code
        self.limit = limit
        self.resets_at = resets_at

    @property
    def message(self) -> str | Promise:
        """For the person: what is used up, and when it is renewed in the site's time zone."""
        if self.resets_at is None and self.answers > self.limit:
            return _("Your plan lets %(limit)s answers run at once. Choose fewer models.") % {
                "limit": self.limit
            }
        if self.resets_at is None:
            return _("You already have %(limit)s answers running. Wait for one to finish.") % {
                "limit": self.limit
            }
        at = timezone.localtime(self.resets_at)
        renews = _("Your quota renews on %(day)s at %(time)s (%(zone)s).") % {
            "day": date_format(at, "MONTH_DAY_FORMAT"),
            "time": date_format(at, "H:i"),
            "zone": timezone.get_current_timezone_name(),
        }
        texts = {
            "quota_requests": ngettext(
                "You have used the only request of today.",
                "You have used all %(limit)s requests of today.",
                int(self.limit),
            ),
            "quota_tokens": _("You have used all %(limit)s tokens of your plan."),
            "quota_money": _("You have used the whole budget of %(limit)s."),
        }
        used = texts[self.code] % {"limit": self.limit}
        if self.of_key:
            used = _("The limit of this API key is reached: %(limit)s.") % {"limit": self.limit}
        if self.answers > 1:
            used = _(
                "Too little of your quota is left for %(count)s answers. Choose fewer models."
            ) % {"count": self.answers}
        return _("%(first)s %(second)s") % {"first": used, "second": renews}


def refusal(
    payer: Payer, period: Period, limits: Limits, tokens: int, money: Decimal
) -> QuotaExceeded | None:
    """Which of this payer's limits stands in the way; the one that is renewed last, if several do. One query."""
    found = _reached(payer, period, limits, tokens, money)
    if found is not None:
        found.of_key = payer.api_key_id is not None
    return found


def _reached(
    payer: Payer, period: Period, limits: Limits, tokens: int, money: Decimal
) -> QuotaExceeded | None:
    day, month = counters_of(payer, period)
    if limits.money_per_month is not None and (
        month.used_money + month.reserved_money + money > limits.money_per_month
    ):
        return QuotaExceeded(
            "quota_money", limit=limits.money_per_month, resets_at=period.month_ends
        )
    if limits.tokens_per_month is not None and (
        month.used_tokens + month.reserved_tokens + tokens > limits.tokens_per_month
    ):
        return QuotaExceeded(
            "quota_tokens", limit=limits.tokens_per_month, resets_at=period.month_ends
        )
    if limits.tokens_per_day is not None and (
        day.used_tokens + day.reserved_tokens + tokens > limits.tokens_per_day
    ):
        return QuotaExceeded("quota_tokens", limit=limits.tokens_per_day, resets_at=period.day_ends)
    if limits.requests_per_day is not None and (
        day.used_requests + day.reserved_requests >= limits.requests_per_day
    ):
        return QuotaExceeded(
            "quota_requests", limit=limits.requests_per_day, resets_at=period.day_ends
        )
    return None
