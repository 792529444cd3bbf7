"""Which limit is reached, and in which words that is said."""

from __future__ import annotations

from dataclasses import dataclass
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
    limit: the plan's number. resets_at: when it is renewed; None for what may be over in a moment, which is
    too_many_running, and a quota that is only set aside (is_set_aside) for answers that are being written.
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
    def is_set_aside(self) -> bool:
        return self.resets_at is None and self.code != "too_many_running"

    @property
    def message(self) -> str | Promise:
        """For the person: what is used up, and when it is renewed in the site's time zone."""
        too_little = _(
            "Too little of your quota is left for %(count)s answers. Choose fewer models."
        ) % {"count": self.answers}
        if self.is_set_aside and self.answers > 1:  # by the first of them, as like as not
            return too_little
        if self.is_set_aside:
            return _(
                "What is left of the limit of %(limit)s is set aside for answers that are being written. "
                "Wait for one to finish."
            ) % {"limit": self.limit}
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
            used = too_little
        return _("%(first)s %(second)s") % {"first": used, "second": renews}


def refusal(
    payer: Payer, period: Period, limits: Limits, tokens: int, money: Decimal
) -> QuotaExceeded | None:
    """Which of this payer's limits stands in the way; the one that is renewed last, if several do. One query."""
    found = _reached(payer, period, limits, tokens, money)
    if found is not None:
        found.of_key = payer.api_key_id is not None
    return found


@dataclass(frozen=True)
class _Limit:
    """One limit, and what of it would be gone with what is wanted: spent, and only set aside."""

    code: str
    limit: int | Decimal | None
    spent: int | Decimal
    set_aside: int | Decimal
    ends: datetime

    def refusal(self, *, counts_set_aside: bool) -> QuotaExceeded | None:
        if self.limit is None:
            return None
        if self.spent > self.limit:
            return QuotaExceeded(self.code, limit=self.limit, resets_at=self.ends)
        if counts_set_aside and self.spent + self.set_aside > self.limit:
            return QuotaExceeded(self.code, limit=self.limit, resets_at=None)
        return None


def _reached(
    payer: Payer, period: Period, limits: Limits, tokens: int, money: Decimal
) -> QuotaExceeded | None:
    day, month = counters_of(payer, period)
    every = (
        _Limit(
            "quota_money",
            limits.money_per_month,
            month.used_money + money,
            month.reserved_money,
            period.month_ends,
        ),
        _Limit(
            "quota_tokens",
            limits.tokens_per_month,
            month.used_tokens + tokens,
            month.reserved_tokens,
            period.month_ends,
        ),
        _Limit(
            "quota_tokens",
            limits.tokens_per_day,
            day.used_tokens + tokens,
            day.reserved_tokens,
            period.day_ends,
        ),
        # What has been asked counts: hardly one of these is ever given back.
        _Limit(
            "quota_requests",
            limits.requests_per_day,
            day.used_requests + day.reserved_requests + 1,
            0,
            period.day_ends,
        ),
    )
    for counts_set_aside in (False, True):
        for one in every:
            if found := one.refusal(counts_set_aside=counts_set_aside):
                return found
    return None
