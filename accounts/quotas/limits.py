"""What a person may spend: the limits in force from plan, groups and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q

from chatsite.statements import Select, parameter

from ..models import SPENDING_LIMITS, ApiKey, Plan, User

Amounts = Mapping[str, int | Decimal]  # so many `requests`, `tokens` and so much `money`


@dataclass(frozen=True)
class Limits:
    """What one person may spend; None is no limit. `models` empty: every model."""

    requests_per_day: int | None = None
    requests_per_month: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    money_per_day: Decimal | None = None
    money_per_month: Decimal | None = None
    concurrent_completions: int | None = None
    models: frozenset[str] = frozenset()

    def of(self, amount: str, kind: str) -> Any:
        """How much of an amount may be spent in a period of that kind: an integer, of money a Decimal, or None."""
        return getattr(self, f"{amount}_per_{kind}")

    def allows(self, model_name: str) -> bool:
        return not self.models or model_name in self.models


NO_LIMITS = Limits()
NUMBERS = tuple(limit.name for limit in fields(Limits) if limit.name != "models")
COLUMNS = (*NUMBERS, "allowed_models")

_user_id = parameter(User, "id", "user_id")
_by_group = Exists(Plan.groups.through.objects.filter(plan=OuterRef("pk"), group__user=_user_id))
_plans_of = Select(
    lambda: (
        Plan.objects.annotate(by_group=_by_group)
        .filter(Q(by_group=True) | Q(is_default=True))
        .values_list("by_group", *COLUMNS)
    )
)


def limits_of(user: User) -> Limits:
    """The user's own plan; else none for superusers, the groups' most generous, the default. At most two queries."""
    if user.plan_id is not None and user.plan is not None:
        return _limits(*(getattr(user.plan, name) for name in COLUMNS))
    if user.is_superuser:
        return NO_LIMITS
    found = _plans_of(user_id=user.pk)
    by_group = [limits for is_by_group, *limits in found if is_by_group]
    plans = by_group or [limits for _is_by_group, *limits in found]
    if not plans:
        return NO_LIMITS
    return _most_generous([_limits(*limits) for limits in plans])


def limits_of_key(key: ApiKey) -> Limits:
    """What may be spent through this key, within what its owner may."""
    return Limits(**{name: getattr(key, name) for name in SPENDING_LIMITS})


def _limits(*of_plan: Any) -> Limits:
    """of_plan: the values of COLUMNS."""
    found = dict(zip(COLUMNS, of_plan, strict=True))
    models = found.pop("allowed_models") or []
    return Limits(**found, models=frozenset(str(name) for name in models))


def _most_generous(several: list[Limits]) -> Limits:
    """Limit by limit the largest, no limit being the largest of all."""

    def largest(name: str) -> Any:
        values = [getattr(limits, name) for limits in several]
        return None if None in values else max(values)

    every_model = any(not limits.models for limits in several)
    return Limits(
        **{name: largest(name) for name in NUMBERS},
        models=frozenset() if every_model else frozenset().union(*(one.models for one in several)),
    )
