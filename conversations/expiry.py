"""Conversations that nobody has used for long: when each goes by its owner's rule and by the site's, and their removal.

Days are of 24 hours, in no time zone. Pinned conversations stay, and so do those in which an answer is being written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User

from . import clock, retention
from .addresses import address
from .models import Completion, Conversation, SiteRetention

GRACE = timedelta(days=1)
SOON = timedelta(days=7)
SHOWN = 10
REMOVED_AT_ONCE = 10
PEOPLE_AT_ONCE = 200
THE_ROW = 1


@dataclass(frozen=True)
class Rule:
    """What is not used for so many days goes, but not before the rule is in force."""

    days: int
    in_force_at: datetime

    def unused_since(self, now: datetime) -> datetime:
        return now - timedelta(days=self.days)

    def goes_at(self, active_at: datetime) -> datetime:
        return max(active_at + timedelta(days=self.days), self.in_force_at)

    def due(self, now: datetime) -> Q:
        """Of conversations: those which it lets go by then."""
        if self.in_force_at > now:
            return Q(pk=None)
        return Q(active_at__lt=self.unused_since(now))


@dataclass(frozen=True)
class Next:
    """One conversation that will go, and when."""

    id: UUID
    title: str
    goes_at: datetime

    @property
    def url(self) -> str:
        return address("conversation", self.id)


@dataclass(frozen=True)
class Preview:
    """What goes next. days: the fewest of all rules; soon: how many go within seven days."""

    days: int
    soon: int
    first: list[Next]


# --- Questions -------------------------------------------------------------------------------------------------------


def rules_of(user: User, *, now: datetime) -> list[Rule]:
    """The person's own and the site's, as far as there are any. At most two queries."""
    rules = []
    if user.retention_days is not None:
        rules.append(Rule(user.retention_days, _in_force(user.retention_since, now)))
    if site := site_rule(now=now):
        rules.append(site)
    if not rules:
        return []
    trusted = clock.trusted_from(now)
    return [replace(rule, in_force_at=max(rule.in_force_at, trusted)) for rule in rules]


def site_rule(*, now: datetime) -> Rule | None:
    """What `RETENTION_DAYS` says. One query if it says anything."""
    if not settings.RETENTION_DAYS:
        return None
    row = SiteRetention.objects.filter(days=settings.RETENTION_DAYS).first()
    return Rule(settings.RETENTION_DAYS, _in_force(row.since if row else None, now))


def _in_force(since: datetime | None, now: datetime) -> datetime:
    """A day after; what a clock noted that has been set back since begins anew."""
    return (since if since and since <= now else now) + GRACE


def may_go(user: User) -> QuerySet[Conversation]:
    return Conversation.objects.filter(owner=user, pinned=False, deleted_at=None)


def count_unused(user: User, *, days: int, now: datetime) -> int:
    """How many a rule of so many days would let go as soon as it is in force. One query."""
    return may_go(user).filter(active_at__lt=now + GRACE - timedelta(days=days)).count()


def preview(user: User, *, now: datetime) -> Preview | None:
    """None where nothing goes by itself. At most four queries."""
    rules = rules_of(user, now=now)
    if not rules:
        return None
    soon = Q(pk=None)
    for rule in rules:
        soon |= rule.due(now + SOON)
    rows = may_go(user).order_by("active_at", "pk").values_list("pk", "title", "active_at")[:SHOWN]
    first = [
        Next(key, title, min(rule.goes_at(active_at) for rule in rules))
        for key, title, active_at in rows
    ]
    return Preview(min(rule.days for rule in rules), may_go(user).filter(soon).count(), first)


# --- Removal ---------------------------------------------------------------------------------------------------------


def remove_unused(now: datetime, limit: int = REMOVED_AT_ONCE) -> int:
    """Remove what is due, for good; returns how many went. One short transaction for each.

    Any number of processes may do this at once: each looks again at a conversation that it holds.
    """
    trusted = clock.look(now)
    _note_the_time(now)
    if trusted > now:
        return 0
    retention.keep_no_longer(now)
    return sum(_remove(due, key) for due, key in islice(_due(now), limit))


def _note_the_time(now: datetime) -> None:
    """Since when the rules hold; a moment that is still to come was noted by a clock that has been set back."""
    ahead = User.objects.filter(retention_since__gt=now)
    if ahead.exists():
        ahead.update(retention_since=now)
    days = settings.RETENTION_DAYS
    noted = SiteRetention.objects.first()
    if noted is None and not days:
        return
    if not days:
        SiteRetention.objects.all().delete()
    elif noted is None or noted.days != days or noted.since > now:
        SiteRetention.objects.update_or_create(pk=THE_ROW, defaults={"days": days, "since": now})


def _due(now: datetime) -> Iterator[tuple[QuerySet[Conversation], UUID]]:
    """Each conversation that is due, with the query that says so."""
    running = Completion.objects.filter(conversation=OuterRef("pk"), status="running")
    mortal = Conversation.objects.filter(~Exists(running), pinned=False, deleted_at=None)
    if rule := site_rule(now=now):
        due = mortal.filter(rule.due(now)).order_by("active_at")
        yield from ((due, key) for key in due.values_list("pk", flat=True)[:REMOVED_AT_ONCE])
    for days, people in _people_by_days(now):
        unused = mortal.filter(active_at__lt=now - timedelta(days=days))
        for archived in (False, True):  # each has its index by owner
            due = unused.filter(owner__in=people, archived=archived, owner__retention_days=days)
            yield from ((due, key) for key in due.values_list("pk", flat=True)[:REMOVED_AT_ONCE])


def _people_by_days(now: datetime) -> Iterator[tuple[int, Sequence[int]]]:
    """Whose own rule is in force, a few of them at a time."""
    people: dict[int, list[int]] = defaultdict(list)
    chosen = User.objects.filter(retention_days__isnull=False, retention_since__lte=now - GRACE)
    for key, days in chosen.order_by("pk").values_list("pk", "retention_days"):
        people[days or 0].append(key)
    for days, keys in people.items():
        for start in range(0, len(keys), PEOPLE_AT_ONCE):
            yield days, keys[start : start + PEOPLE_AT_ONCE]


def _remove(due: QuerySet[Conversation], key: UUID) -> bool:
    with transaction.atomic():
        if not due.filter(pk=key).select_for_update(of=("self",)).exists():
            return False  # used, pinned or gone meanwhile, or its owner has thought better of it
        retention.remove([key])
    return True
