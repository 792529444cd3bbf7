"""How much is left or used up, and when it is renewed: as it is said to people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .allowances import Allowance


def number(value: int | Decimal) -> str:
    """In groups of three, without the zeros that fill up a column of money."""
    return f"{Decimal(value).normalize():,f}"


def what_is_left(of: Allowance) -> str:
    """No sentence: without a full stop."""
    count = int(of.limit)
    text = {
        "requests day": ngettext(
            "%(left)s of %(limit)s request left today",
            "%(left)s of %(limit)s requests left today",
            count,
        ),
        "requests month": ngettext(
            "%(left)s of %(limit)s request left this month",
            "%(left)s of %(limit)s requests left this month",
            count,
        ),
        "tokens day": _("%(left)s of %(limit)s tokens left today"),
        "tokens month": _("%(left)s of %(limit)s tokens left this month"),
        "money day": _("%(left)s of the budget of %(limit)s left today"),
        "money month": _("%(left)s of the budget of %(limit)s left this month"),
    }[f"{of.amount} {of.kind}"]
    return text % {"left": number(of.unspent), "limit": number(of.limit)}


def all_is_used(of: Allowance) -> str:
    count = int(of.limit)
    text = {
        "requests day": ngettext(
            "You have used the only request of today.",
            "You have used all %(limit)s requests of today.",
            count,
        ),
        "requests month": ngettext(
            "You have used the only request of this month.",
            "You have used all %(limit)s requests of this month.",
            count,
        ),
        "tokens day": _("You have used all %(limit)s tokens of today."),
        "tokens month": _("You have used all %(limit)s tokens of this month."),
        "money day": _("You have used the whole budget of %(limit)s of today."),
        "money month": _("You have used the whole budget of %(limit)s of this month."),
    }[f"{of.amount} {of.kind}"]
    return text % {"limit": number(of.limit)}


def renewal(moment: datetime) -> str:
    """In the site's time zone."""
    at = timezone.localtime(moment)
    return _("Your quota renews on %(day)s at %(time)s (%(zone)s).") % {
        "day": date_format(at, "MONTH_DAY_FORMAT"),
        "time": date_format(at, "H:i"),
        "zone": timezone.get_current_timezone_name(),
    }


def warning(of: Allowance) -> str:
    return _("%(left)s. %(renewal)s") % {
        "left": what_is_left(of),
        "renewal": renewal(of.renews_at),
    }


def both(first: str, second: str) -> str:
    return _("%(first)s %(second)s") % {"first": first, "second": second}
