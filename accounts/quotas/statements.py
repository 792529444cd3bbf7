"""What every answer and call writes: to counters that are held to their limits, reservations and the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet

from chatsite.statements import Delete, Insert, Parameter, Select, Update, parameter

from ..models import DailyUsage, Reservation, UsagePeriod, UsageRecord
from .money import changed_by, less

Kind = UsagePeriod.Kind
MONEY = ("reserved_money", "used_money")
# More than anybody spends, and small enough to be subtracted from.
NO_LIMIT = {"requests": 1 << 62, "tokens": 1 << 62, "money": Decimal(10**9)}
Service = UsageRecord.Service
BESIDE = (Service.TITLES,)  # what is no answer
SOUND = (Service.TRANSCRIPTION, Service.SPEECH)  # nor is this, where a page asks for it
DAILY_SUMS = (
    "calls",
    "errors",
    "requests",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "first_tokens",
    "first_tokens_seconds",
    "first_tokens_in_1s",
    "first_tokens_in_5s",
)


def _of_row(column: str, name: str = "") -> Parameter:
    return parameter(UsagePeriod, column, name)


def _rows(*, of_key: bool) -> QuerySet[UsagePeriod]:
    """Of a person, or apart from them of one of their keys."""
    key: Any = _of_row("api_key_id") if of_key else None
    return UsagePeriod.objects.filter(user_id=_of_row("user_id"), api_key_id=key)


def _row(*, of_key: bool) -> QuerySet[UsagePeriod]:
    return _rows(of_key=of_key).filter(kind=_of_row("kind"), start=_of_row("start"))


def _find(*, of_key: bool) -> Select[UsagePeriod]:
    day, month = _of_row("start", "day"), _of_row("start", "month")
    when = Q(kind=Kind.DAY, start=day) | Q(kind=Kind.MONTH, start=month)
    return Select(lambda: _rows(of_key=of_key).filter(when))


def _within_limits(*, of_key: bool) -> QuerySet[UsagePeriod]:
    """room_…: what may have been used and reserved before."""
    return _row(of_key=of_key).filter(
        used_requests__lte=_of_row("used_requests", "room_requests") - F("reserved_requests"),
        used_tokens__lte=_of_row("used_tokens", "room_tokens") - F("reserved_tokens"),
        used_money__lte=less("reserved_money", than=_of_row("used_money", "room_money")),
    )


def _take(*, of_key: bool) -> Update:
    return Update(
        lambda: _within_limits(of_key=of_key),
        {
            "reserved_requests": F("reserved_requests") + _of_row("reserved_requests", "requests"),
            "reserved_tokens": F("reserved_tokens") + _of_row("reserved_tokens", "tokens"),
            "reserved_money": changed_by("reserved_money", _of_row("reserved_money", "money")),
        },
    )


def _turn(*, of_key: bool) -> Update:
    return Update(
        lambda: _row(of_key=of_key),
        {
            name: changed_by(name, _of_row(name)) if name in MONEY else F(name) + _of_row(name)
            for name in (
                "reserved_requests",
                "reserved_tokens",
                "reserved_money",
                "used_requests",
                "used_tokens",
                "used_money",
            )
        },
    )


def _add_to_day(*, of_key: bool) -> Update:
    def of_day(column: str) -> Parameter:
        return parameter(DailyUsage, column)

    whose = ("user_id", "day", "service", "model_name", "kind")
    key: Any = of_day("api_key_id") if of_key else None
    return Update(
        lambda: DailyUsage.objects.filter(**{name: of_day(name) for name in whose}, api_key_id=key),
        {
            "money": changed_by("money", of_day("money")),
            **{name: F(name) + of_day(name) for name in DAILY_SUMS},
        },
    )


# By whether the counters are a key's; whose they are is `Payer.names`, which of them is `kind` and `start`.
find_counters = {of_key: _find(of_key=of_key) for of_key in (False, True)}  # of a day and a month
take = {of_key: _take(of_key=of_key) for of_key in (False, True)}  # so much, with so much room
turn = {of_key: _turn(of_key=of_key) for of_key in (False, True)}  # what to add to each column


def is_beside(service: str, *, of_key: bool) -> bool:
    """What keeps nobody from asking, and is kept by nothing that runs; `open_answers` leaves it out."""
    return service in BESIDE or (service in SOUND and not of_key)


open_answers = Select(
    lambda: (
        Reservation.objects.filter(user_id=parameter(Reservation, "user_id"))
        .exclude(service__in=BESIDE)
        .exclude(service__in=SOUND, api_key_id=None)
        .values_list("pk")
    )
)
find_reservation = Select(
    lambda: (
        Reservation.objects.select_for_update()
        .filter(pk=parameter(Reservation, "id"))
        .values_list(
            "user_id", "api_key_id", "service", "day", "month", "requests", "tokens", "money"
        )
    )
)
drop_reservation = Delete(lambda: Reservation.objects.filter(pk=parameter(Reservation, "id")))
add_reservation = Insert(
    Reservation,
    (
        "id",
        "user_id",
        "api_key_id",
        "service",
        "alive_at",
        "day",
        "month",
        "requests",
        "tokens",
        "money",
        "created_at",
    ),
)
add_record = Insert(
    UsageRecord,
    (
        "id",
        "user_id",
        "api_key_id",
        "service",
        "completion_id",
        "day",
        "month",
        "recorded_at",
        "outcome",
        "model_name",
        "requests",
        "tokens_in",
        "tokens_out",
        "tokens_cached",
        "estimated",
        "money",
        "seconds_to_first_token",
    ),
)

add_to_day = {of_key: _add_to_day(of_key=of_key) for of_key in (False, True)}
begin_day = Insert(
    DailyUsage,
    ("user_id", "api_key_id", "day", "service", "model_name", "kind", "money", *DAILY_SUMS),
)
