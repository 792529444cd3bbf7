"""What a person may spend: the limits in force from plan, groups and default."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q

from ..models import ApiKey, Plan, User


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


def limits_of_key(key: ApiKey) -> Limits:
    """What may be spent through this key, within what its owner may."""
    return Limits(
        requests_per_day=key.requests_per_day,
        tokens_per_day=key.tokens_per_day,
        money_per_month=key.money_per_month,
    )


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
