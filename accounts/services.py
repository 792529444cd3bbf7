"""What people and administrators do to accounts. Quotas have `quotas/`; passwords and addresses allauth's flows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.http import HttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import get_supported_language_variant

from . import quotas, setup, traces
from .emails import once_committed
from .models import User


def show_in_language(response: HttpResponse, language: str) -> None:
    """Keep the language in the browser, in the cookie that Django's own language switch sets."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )


def choose_language(user: User, *, language: str) -> None:
    """Remember the language for every browser. One that the site does not speak is ignored."""
    try:
        known = get_supported_language_variant(language)
    except LookupError:
        return
    User.objects.filter(pk=user.pk).update(language=known)


def change_profile(user: User, *, changed: Sequence[str]) -> None:
    """Write the named fields of a validated user, and nothing else."""
    if changed:
        user.save(update_fields=changed)


def keep_conversations_for(user: User, *, days: int | None, now: datetime) -> None:
    """Let those go that are not used for so many days, or none. The same choice again begins no new day of grace."""
    User.objects.filter(pk=user.pk).exclude(
        retention_days=days, retention_since__isnull=days is None
    ).update(retention_days=days, retention_since=None if days is None else now)


def suspend(users: Iterable[User]) -> int:
    """Shut these people out; their sessions end with their next request. Returns how many were let in before."""
    ids = [user.pk for user in users]
    count = User.objects.filter(pk__in=ids, is_active=True).update(
        is_active=False, awaits_approval=False, auth_epoch=F("auth_epoch") + 1
    )
    setup.forget_administrator()
    return count


def reactivate(users: Iterable[User]) -> int:
    """Let these people in again. What was open before they were suspended stays closed."""
    ids = [user.pk for user in users]
    return User.objects.filter(pk__in=ids, is_active=False).update(
        is_active=True, awaits_approval=False, auth_epoch=F("auth_epoch") + 1
    )


def forget_ended_sessions() -> None:
    """From where people were signed in, and with which browser, once that session has ended."""
    sessions = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(sessions)).delete()


def await_approval(user: User) -> None:
    """Of this new person: they can do nothing until an administrator lets them in."""
    user.is_active, user.awaits_approval = False, True
    user.save(update_fields=["is_active", "awaits_approval"])


def approve(users: Iterable[User]) -> int:
    """Let those of these people in who wait for it, and tell them by mail. Returns how many."""
    count = 0
    for user in users:
        waiting = User.objects.filter(pk=user.pk, awaits_approval=True)
        if waiting.update(is_active=True, awaits_approval=False):
            count += 1
            once_committed(_tell_approved, user)
    return count


def _tell_approved(user: User) -> None:
    if settings.EMAIL_URL and user.email:
        get_adapter().send_mail("accounts/email/approved", user.email, {"user": user})


def delete_account(user: User, *, now: datetime) -> None:
    """With all that is the person's. What `BEFORE_ACCOUNT_GOES` names comes first, in the same transaction."""
    with transaction.atomic():
        import_string(settings.BEFORE_ACCOUNT_GOES)(user, now=now)
        quotas.let_go(user)
        traces.forget(user)
        open_sessions = UserSession.objects.filter(user=user).values_list("session_key", flat=True)
        Session.objects.filter(session_key__in=list(open_sessions)).delete()
        user.delete()
    setup.forget_administrator()
