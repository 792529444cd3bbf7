"""Questions about people: which names are taken, who has which plan."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from .models import Plan, User, fold


def user_named(username: str) -> User | None:
    """However the name is written. One query."""
    return User.objects.filter(username_key=fold(username) or "").first()


def is_username_taken(username: str, *, but_by: User | None = None) -> bool:
    """One query. Names that people read as the same are the same."""
    return _others(but_by).filter(username_key=fold(username) or "").exists()


def is_email_taken(email: str, *, but_by: User | None = None) -> bool:
    """One query; an empty address is never taken."""
    key = fold(email)
    return key is not None and _others(but_by).filter(email_key=key).exists()


def _others(user: User | None) -> QuerySet[User]:
    return User.objects.exclude(pk=user.pk) if user is not None else User.objects.all()


def users_on_plan(plan: Plan) -> QuerySet[User]:
    """Everyone to whom the plan applies, as `quotas.limits_of` decides: their own, a group's, the default."""
    applies = Q(plan=plan)
    without_own = Q(plan=None, is_superuser=False)
    by_group = User.objects.filter(groups__plans=plan)
    applies |= without_own & Q(pk__in=by_group)
    if plan.is_default:
        with_group_plan = User.objects.filter(groups__plans__isnull=False)
        applies |= without_own & ~Q(pk__in=with_group_plan)
    return User.objects.filter(applies)
