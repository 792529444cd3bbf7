"""Which limit is reached, and how that is told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from . import words
from .allowances import Allowance, allowances_of
from .counters import Payer
from .limits import Amounts, Limits
from .periods import Period


class QuotaExceeded(Exception):
    """A limit is reached. Nothing was reserved.

    code: quota_requests, quota_tokens, quota_money or too_many_running.
    limit: the plan's number. reached: what it allows, if it is used up; None for what may be over in a moment, which is
    too_many_running, and a quota that is only set aside (is_set_aside) for answers that are being written.
    answers: how many were asked for together, each of which counts.
    of_key: the limit is that of the API key, not of the person.
    """

    status = 429
    answers = 1
    of_key = False

    def __init__(
        self, code: str, *, limit: int | Decimal, reached: Allowance | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.limit = limit
        self.reached = reached

    @classmethod
    def of(cls, reached: Allowance) -> QuotaExceeded:
        return cls(f"quota_{reached.amount}", limit=reached.limit, reached=reached)

    @property
    def resets_at(self) -> datetime | None:
        """When what is used up is renewed."""
        return self.reached.renews_at if self.reached else None

    @property
    def is_set_aside(self) -> bool:
        return self.reached is None and self.code != "too_many_running"

    @property
    def message(self) -> str:
        """For the person: what is used up, and when it is renewed in the site's time zone."""
        if self.reached is None:
            return self._for_now()
        return words.both(self._too_little(self.reached), words.renewal(self.reached.renews_at))

    def _for_now(self) -> str:
        if self.is_set_aside and self.answers > 1:  # by the first of them, as like as not
            return self._too_little_for_all()
        if self.is_set_aside and self.of_key:
            text = _(
                "What is left of the limit of this API key, %(limit)s, is set aside for answers that are being "
                "written. Wait for one to finish."
            )
        elif self.is_set_aside:
            text = _(
                "What is left of the limit of %(limit)s is set aside for answers that are being written. "
                "Wait for one to finish."
            )
        elif self.answers > self.limit:
            text = _("Your plan lets %(limit)s answers run at once. Choose fewer models.")
        else:
            text = _("You already have %(limit)s answers running. Wait for one to finish.")
        return text % {"limit": words.number(self.limit)}

    def _too_little(self, reached: Allowance) -> str:
        left = words.what_is_left(reached)
        if self.answers > 1:
            return self._too_little_for_all()
        if self.of_key:
            return _("The limit of this API key is reached: %(left)s.") % {"left": left}
        if reached.is_used_up:
            return words.all_is_used(reached)
        return _("This message needs more than you have: %(left)s.") % {"left": left}

    def _too_little_for_all(self) -> str:
        text = _("Too little of your quota is left for %(count)s answers. Choose fewer models.")
        return text % {"count": self.answers}


def refusal(payer: Payer, period: Period, limits: Limits, needed: Amounts) -> QuotaExceeded | None:
    """Which of this payer's limits stands in the way: first those that are used up, of them what is renewed last.

    One query.
    """
    found = allowances_of(payer, limits, period)
    for one in found:
        if one.spent + needed[one.amount] > one.limit:
            return _refused(QuotaExceeded.of(one), payer)
    for one in found:
        if one.taken + needed[one.amount] > one.limit:
            return _refused(QuotaExceeded(f"quota_{one.amount}", limit=one.limit), payer)
    return None


def _refused(found: QuotaExceeded, payer: Payer) -> QuotaExceeded:
    found.of_key = payer.is_key
    return found
