"""Sums of money as the database keeps them: to so many places, on SQLite as on PostgreSQL."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import F, Value
from django.db.models.functions import Round

ZERO = Decimal(0)
PLACES = 8  # of every column of money


def rounded(money: Decimal) -> Decimal:
    """As it is stored, so that the counters are the sum of rows that were each rounded alike."""
    return money.quantize(Decimal(1).scaleb(-PLACES))


def changed_by(column: str, money: Decimal | Value) -> Round:
    """That column of money and so much more. SQLite adds floats: 0.1 + 0.7 - 0.7 - 0.1 would be less than nothing."""
    return Round(F(column) + money, precision=PLACES)


def less(column: str, *, than: Value) -> Round:
    """So much without that column of money: 0.3 - 0.2 is no less than 0.1 on SQLite, either."""
    return Round(than - F(column), precision=PLACES)
