"""Reserve, settle, refund, remaining, reset: the only writer of usage.

A reservation is a conditional UPDATE of the day's row, then of the month's, so parallel requests cannot overspend.
Settling deletes the reservation, moves its amounts from reserved to used and writes one ledger row, all or nothing.
Every function takes `now` from its caller: one request, one moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Round
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Plan, Reservation, UsagePeriod, UsageRecord, User

DAY, MONTH = UsagePeriod.Kind.DAY, UsagePeriod.Kind.MONTH
ZERO = Decimal(0)
MONEY_PLACES = 8  # of every column of money


@dataclass(frozen=True)
class Limits:
    """What one person may spend; None is no limit. `models` empty: every model."""

    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    money_per_month: Decimal | None = None
    concurrent_completions: int | None = None
    models: frozenset[str] = frozenset()

    def allows(self, model_name: str) -> bool:
        return not self.models or model_name in self.models


NO_LIMITS = Limits()


class QuotaExceeded(Exception):
    """A limit is reached. Nothing was reserved.

    code: quota_requests, quota_tokens, quota_money or too_many_running.
    limit: the plan's number. resets_at: when it is renewed; None for too_many_running.
    answers: how many were asked for together, each of which counts.
    """

    status = 429
    answers = 1

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
        if self.answers > 1:
            used = _(
                "Too little of your quota is left for %(count)s answers. Choose fewer models."
            ) % {"count": self.answers}
        return _("%(first)s %(second)s") % {"first": used, "second": renews}


@dataclass(frozen=True)
class Spent:
    """What a finished completion or call cost. tokens_cached is part of tokens_in; money in the prices' currency."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    money: Decimal = ZERO
    requests: int = 1
    estimated: bool = False
    seconds_to_first_token: float | None = None


@dataclass(frozen=True)
class Period:
    """The day and month of one moment, in the site's time zone, and when each ends."""

    day: date
    month: date
    day_ends: datetime
    month_ends: datetime

    @classmethod
    def at(cls, now: datetime) -> Period:
        zone = timezone.get_default_timezone()
        day = now.astimezone(zone).date()
        month = day.replace(day=1)
        next_month = (month + timedelta(days=32)).replace(day=1)
        return cls(
            day=day,
            month=month,
            day_ends=_midnight(day + timedelta(days=1)),
            month_ends=_midnight(next_month),
        )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())


def limits_of(user: User) -> Limits:
    """The user's own plan; else none for superusers, the groups' most generous, the default. At most two queries."""
    if user.plan_id is not None and user.plan is not None:
        return _limits(user.plan)
    if user.is_superuser:
        return NO_LIMITS
    by_group = Exists(Plan.groups.through.objects.filter(plan=OuterRef("pk"), group__user=user))
    found = list(
        Plan.objects.annotate(by_group=by_group).filter(Q(by_group=True) | Q(is_default=True))
    )
    plans = [plan for plan in found if plan.by_group] or found
    if not plans:
        return NO_LIMITS
    return _most_generous([_limits(plan) for plan in plans])


def _limits(plan: Plan) -> Limits:
    return Limits(
        requests_per_day=plan.requests_per_day,
        tokens_per_day=plan.tokens_per_day,
        tokens_per_month=plan.tokens_per_month,
        money_per_month=plan.money_per_month,
        concurrent_completions=plan.concurrent_completions,
        models=frozenset(str(name) for name in plan.allowed_models or []),
    )


def _most_generous(several: list[Limits]) -> Limits:
    """Limit by limit the largest, no limit being the largest of all."""

    def largest(name: str) -> Any:
        values = [getattr(limits, name) for limits in several]
        return None if None in values else max(values)

    every_model = any(not limits.models for limits in several)
    return Limits(
        requests_per_day=largest("requests_per_day"),
        tokens_per_day=largest("tokens_per_day"),
        tokens_per_month=largest("tokens_per_month"),
        money_per_month=largest("money_per_month"),
        concurrent_completions=largest("concurrent_completions"),
        models=frozenset() if every_model else frozenset().union(*(one.models for one in several)),
    )


def reserve(
    user: User,
    *,
    key: UUID,
    limits: Limits,
    tokens: int,
    least_tokens: int,
    money: Decimal = ZERO,
    now: datetime,
) -> int:
    """Set one request and an estimate of tokens and money aside; returns the tokens set aside.

    key: the completion's or call's id, under which it is settled.
    tokens: what the prompt and the answer may take; with less left, what is left down to `least_tokens`.
    Raises QuotaExceeded, with nothing set aside. Call inside the transaction that writes what is being paid for.
    """
    period, money = Period.at(now), _rounded(money)
    with transaction.atomic():
        granted = _take_or_shrink(user, period, limits, tokens, least_tokens, money)
        if granted is None:
            _open_periods(user, period)
            granted = _take_or_shrink(user, period, limits, tokens, least_tokens, money)
        if granted is None:
            raise _refusal(user, period, limits, least_tokens, money)
        # The update above holds this person's row, so no other reservation of theirs is being made.
        running = limits.concurrent_completions
        if running is not None and Reservation.objects.filter(user=user).count() >= running:
            raise QuotaExceeded("too_many_running", limit=running, resets_at=None)
        Reservation.objects.create(
            id=key,
            user=user,
            day=period.day,
            month=period.month,
            requests=1,
            tokens=granted,
            money=money,
            created_at=now,
        )
    return granted


def _rounded(money: Decimal) -> Decimal:
    """As it is stored, so that the counters are the sum of rows that were each rounded alike."""
    return money.quantize(Decimal(1).scaleb(-MONEY_PLACES))


def _changed_by(column: str, money: Decimal) -> Round:
    """That column of money and so much more. SQLite adds floats: 0.1 + 0.7 - 0.7 - 0.1 would be less than nothing."""
    return Round(F(column) + money, precision=MONEY_PLACES)


def _take_or_shrink(
    user: User, period: Period, limits: Limits, tokens: int, least_tokens: int, money: Decimal
) -> int | None:
    if _take(user, period, limits, tokens=tokens, money=money):
        return tokens
    left = _tokens_left(user, period, limits)
    if left is None or not least_tokens <= left < tokens:
        return None
    return left if _take(user, period, limits, tokens=left, money=money) else None


def _take(user: User, period: Period, limits: Limits, *, tokens: int, money: Decimal) -> bool:
    """An UPDATE of each row, which counts only while it stays within its limits; both or none."""
    day = Q(kind=DAY, start=period.day)
    month = Q(kind=MONTH, start=period.month)
    if limits.requests_per_day is not None:
        day &= Q(used_requests__lt=limits.requests_per_day - F("reserved_requests"))
    if limits.tokens_per_day is not None:
        day &= Q(used_tokens__lte=limits.tokens_per_day - tokens - F("reserved_tokens"))
    if limits.tokens_per_month is not None:
        month &= Q(used_tokens__lte=limits.tokens_per_month - tokens - F("reserved_tokens"))
    if limits.money_per_month is not None:
        month &= Q(used_money__lte=limits.money_per_month - money - F("reserved_money"))
    with transaction.atomic():
        # The day before the month, here and wherever both are written: in one UPDATE of both rows PostgreSQL locks
        # them in any order, and two requests of one person wait for each other for ever.
        for within_limits in (day, month):
            if not UsagePeriod.objects.filter(within_limits, user=user).update(
                reserved_requests=F("reserved_requests") + 1,
                reserved_tokens=F("reserved_tokens") + tokens,
                reserved_money=_changed_by("reserved_money", money),
            ):
                transaction.set_rollback(True)
                return False
    return True


def _periods(user_id: int, day: date, month: date) -> QuerySet[UsagePeriod]:
    return UsagePeriod.objects.filter(
        Q(kind=DAY, start=day) | Q(kind=MONTH, start=month), user_id=user_id
    )


def hold(user: User) -> None:
    """Until the transaction ends nobody else reserves or settles for this person, whose account is being deleted."""
    rows = UsagePeriod.objects.select_for_update().filter(user=user)
    list(rows.order_by("kind", "pk").values_list("pk"))  # days before months


def _open_periods(user: User, period: Period) -> None:
    UsagePeriod.objects.bulk_create(
        [
            UsagePeriod(user=user, kind=DAY, start=period.day),
            UsagePeriod(user=user, kind=MONTH, start=period.month),
        ],
        ignore_conflicts=True,
    )


def _counters(user: User, period: Period) -> tuple[UsagePeriod, UsagePeriod]:
    """The day's and the month's counters, all zero where nothing has been spent. One query."""
    rows = {row.kind: row for row in _periods(user.pk, period.day, period.month)}
    return (
        rows.get(DAY) or UsagePeriod(user=user, kind=DAY, start=period.day),
        rows.get(MONTH) or UsagePeriod(user=user, kind=MONTH, start=period.month),
    )


def _tokens_left(user: User, period: Period, limits: Limits) -> int | None:
    """The tokens that may still be reserved; None without a limit."""
    day, month = _counters(user, period)
    left = [
        limit - row.used_tokens - row.reserved_tokens
        for limit, row in ((limits.tokens_per_day, day), (limits.tokens_per_month, month))
        if limit is not None
    ]
    return min(left) if left else None


def _refusal(
    user: User, period: Period, limits: Limits, tokens: int, money: Decimal
) -> QuotaExceeded:
    """Which limit stands in the way; the one that is renewed last, if several do."""
    day, month = _counters(user, period)
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
    return QuotaExceeded(
        "quota_requests", limit=limits.requests_per_day or 0, resets_at=period.day_ends
    )


def settle(
    key: UUID,
    *,
    spent: Spent,
    outcome: UsageRecord.Outcome,
    model_name: str,
    now: datetime,
) -> bool:
    """Turn a reservation into what was really spent; true for exactly one caller.

    It goes to the day and month in which it was reserved, whenever that is. `Spent(requests=0)` refunds everything.
    """
    money = _rounded(spent.money)
    with transaction.atomic():
        reservation = Reservation.objects.select_for_update().filter(pk=key).first()
        if reservation is None or not Reservation.objects.filter(pk=key).delete()[0]:
            return False
        for kind, start in ((DAY, reservation.day), (MONTH, reservation.month)):
            UsagePeriod.objects.filter(user_id=reservation.user_id, kind=kind, start=start).update(
                reserved_requests=F("reserved_requests") - reservation.requests,
                reserved_tokens=F("reserved_tokens") - reservation.tokens,
                reserved_money=_changed_by("reserved_money", -reservation.money),
                used_requests=F("used_requests") + spent.requests,
                used_tokens=F("used_tokens") + spent.tokens_in + spent.tokens_out,
                used_money=_changed_by("used_money", money),
            )
        UsageRecord.objects.create(
            user_id=reservation.user_id,
            completion_id=key,
            day=reservation.day,
            month=reservation.month,
            recorded_at=now,
            outcome=outcome,
            model_name=model_name,
            requests=spent.requests,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            tokens_cached=spent.tokens_cached,
            estimated=spent.estimated,
            money=money,
            seconds_to_first_token=spent.seconds_to_first_token,
        )
    return True


@dataclass(frozen=True)
class Remaining:
    """What is left today and this month; None is no limit. Counts what is reserved as gone."""

    requests_today: int | None
    tokens_today: int | None
    tokens_this_month: int | None
    money_this_month: Decimal | None
    requests_limit: int | None
    day_ends: datetime
    month_ends: datetime


def remaining(user: User, *, limits: Limits, now: datetime) -> Remaining:
    """One query; none without any limit."""
    period = Period.at(now)
    if limits == NO_LIMITS:
        return Remaining(None, None, None, None, None, period.day_ends, period.month_ends)
    day, month = _counters(user, period)

    def left(limit: Any, used: Any) -> Any:
        return None if limit is None else max(limit - used, type(limit)(0))

    return Remaining(
        requests_today=left(limits.requests_per_day, day.used_requests + day.reserved_requests),
        tokens_today=left(limits.tokens_per_day, day.used_tokens + day.reserved_tokens),
        tokens_this_month=left(limits.tokens_per_month, month.used_tokens + month.reserved_tokens),
        money_this_month=left(limits.money_per_month, month.used_money + month.reserved_money),
        requests_limit=limits.requests_per_day,
        day_ends=period.day_ends,
        month_ends=period.month_ends,
    )


@dataclass(frozen=True)
class Reset:
    """One period whose used amounts were set back to zero."""

    username: str
    kind: str
    start: date
    requests: int
    tokens: int


def reset(
    users: Iterable[User],
    *,
    kinds: Iterable[str],
    actor: str,
    reason: str,
    now: datetime,
    dry_run: bool = False,
) -> list[Reset]:
    """Give these people their current period's used amounts back, as negative ledger rows; reservations stay.

    kinds: `day`, `month` or both. Returns what was (or with dry_run would be) reset, by name and kind.
    """
    period = Period.at(now)
    current = Q()
    for kind in kinds:
        current |= Q(kind=kind, start=period.day if kind == DAY else period.month)
    people = {user.pk: user.get_username() for user in users}
    done: list[Reset] = []
    with transaction.atomic():
        rows = (
            UsagePeriod.objects.select_for_update()
            .filter(current, user_id__in=people)
            .exclude(used_requests=0, used_tokens=0, used_money=0)
            .order_by("kind", "pk")  # days before months
        )
        for row in rows:
            done.append(
                Reset(people[row.user_id], row.kind, row.start, row.used_requests, row.used_tokens)
            )
            if not dry_run:
                _reset_row(row, period=period, actor=actor, reason=reason, now=now)
    return sorted(done, key=lambda one: (one.username, one.kind))


def _reset_row(row: UsagePeriod, *, period: Period, actor: str, reason: str, now: datetime) -> None:
    UsageRecord.objects.create(
        user_id=row.user_id,
        day=period.day,
        month=period.month,
        recorded_at=now,
        outcome=UsageRecord.Outcome.RESET,
        kind=row.kind,
        requests=-row.used_requests,
        tokens_in=-row.used_tokens,
        money=-row.used_money,
        actor=actor,
        reason=reason,
    )
    UsagePeriod.objects.filter(pk=row.pk).update(
        used_requests=F("used_requests") - row.used_requests,
        used_tokens=F("used_tokens") - row.used_tokens,
        used_money=_changed_by("used_money", -row.used_money),
    )


def ledger_sums(user: User, *, kind: str, start: date) -> tuple[int, int, Decimal]:
    """Requests, tokens and money of one period as the ledger has them; equal to the counters at all times."""
    when = Q(day=start) if kind == DAY else Q(month=start)
    sums = UsageRecord.objects.filter(when, Q(kind="") | Q(kind=kind), user=user).aggregate(
        requests=Sum("requests"),
        tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"),
        money=Sum("money"),
    )
    tokens = (sums["tokens_in"] or 0) + (sums["tokens_out"] or 0)
    return sums["requests"] or 0, tokens, _rounded(sums["money"] or ZERO)
