"""What people have used, given back to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from ..models import AuditEntry, UsagePeriod, UsageRecord, User
from . import daily
from .counters import DAY
from .money import changed_by
from .periods import Period


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
            .filter(current, user_id__in=people, api_key=None)
            .exclude(used_requests=0, used_tokens=0, used_money=0)
            .order_by("kind", "pk")  # days before months
        )
        for row in rows:
            done.append(
                Reset(people[row.user_id], row.kind, row.start, row.used_requests, row.used_tokens)
            )
            if not dry_run:
                _reset_row(
                    row, people[row.user_id], period=period, actor=actor, reason=reason, now=now
                )
    return sorted(done, key=lambda one: (one.username, one.kind))


def _reset_row(
    row: UsagePeriod, username: str, *, period: Period, actor: str, reason: str, now: datetime
) -> None:
    record: dict[str, Any] = {
        "user_id": row.user_id,
        "day": period.day,
        "month": period.month,
        "recorded_at": now,
        "outcome": UsageRecord.Outcome.RESET,
        "kind": row.kind,
        "requests": -row.used_requests,
        "tokens_in": -row.used_tokens,
        "money": -row.used_money,
        "actor": actor,
        "reason": reason,
    }
    UsageRecord.objects.create(**record)
    daily.count(**record)
    AuditEntry.objects.create(
        at=now,
        action=AuditEntry.Action.QUOTA_RESET,
        actor_name=actor,
        subject_id=row.user_id,
        subject_name=username,
        target=f"{row.kind} {row.start}",
        reason=reason,
    )
    UsagePeriod.objects.filter(pk=row.pk).update(
        used_requests=F("used_requests") - row.used_requests,
        used_tokens=F("used_tokens") - row.used_tokens,
        used_money=changed_by("used_money", -row.used_money),
    )
