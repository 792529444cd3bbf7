"""Whose accounts somebody in the administration may change: of those who may do no more than they themselves.

Whoever could set another's password, or change another's address, could sign in with that one's rights.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

from .models import User


def within_reach(by: Any, people: QuerySet[User]) -> QuerySet[User]:
    """Of these people. by: who is signed in. Rights of a suspended person count: they may be let in again."""
    if by.is_superuser:
        return people
    mine = Permission.objects.filter(Q(user=by) | Q(group__user=by))
    others = Permission.objects.exclude(pk__in=mine.values("pk"))
    stronger = User.objects.filter(
        Q(is_superuser=True) | Q(user_permissions__in=others) | Q(groups__permissions__in=others)
    )
    return people.exclude(pk__in=stronger.values("pk"))


def is_within_reach(by: Any, person: User) -> bool:
    """One query."""
    return within_reach(by, User.objects.filter(pk=person.pk)).exists()
