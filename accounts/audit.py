"""The audit log: written where things happen, in the transaction in which they do; read by those it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from allauth.account import signals as allauth_signals
from allauth.account.adapter import get_adapter
from allauth.mfa import signals as mfa_signals
from django.contrib.auth import signals
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_ipv46_address
from django.db.models import Q, QuerySet
from django.db.models.sql import UpdateQuery
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from chatsite.statements import Insert

from .models import AuditEntry, User, fold

Action = AuditEntry.Action
GLASS_STAYS_BROKEN = timedelta(hours=1)


def record(
    action: AuditEntry.Action,
    *,
    request: HttpRequest | None = None,
    actor: User | None = None,
    actor_name: str = "",
    subject: User | None = None,
    target: object = "",
    reason: str = "",
) -> AuditEntry:
    """Write one event down. actor: if not given, who is signed in; actor_name: of a command. One query."""
    if actor is None:
        actor = _signed_in_person(request)
    return AuditEntry.objects.create(
        action=action,
        actor=actor,
        actor_name=actor.get_username() if actor else actor_name,
        subject=subject,
        subject_name=subject.get_username() if subject else "",
        target=str(target)[:200],
        reason=reason[:500],
        address=_address(request),
    )


_add = Insert(
    AuditEntry,
    [field.attname for field in AuditEntry._meta.concrete_fields if not field.primary_key],
)


class Event(NamedTuple):
    """What `record_all` writes of each: as `record` takes them."""

    action: AuditEntry.Action
    subject: User
    target: str = ""


def record_all(
    events: Iterable[Event], *, request: HttpRequest | None = None, actor_name: str = ""
) -> None:
    """Write down what one act did to many, some hundreds at most. One query."""
    actor = _signed_in_person(request)
    same = {
        "at": timezone.now(),
        "actor_id": actor.pk if actor else None,
        "actor_name": actor.get_username() if actor else actor_name,
        "reason": "",
        "address": _address(request),
    }
    _add.all(
        {
            **same,
            "action": event.action,
            "subject_id": event.subject.pk,
            "subject_name": event.subject.get_username(),
            "target": event.target[:200],
        }
        for event in events
    )


def _signed_in_person(request: HttpRequest | None) -> User | None:
    signed_in = getattr(request, "user", None)  # /token looks for no session
    return signed_in if isinstance(signed_in, User) else None


def _address(request: HttpRequest | None) -> str | None:
    if request is None:
        return None
    try:
        found = get_adapter().get_client_ip(request)
        validate_ipv46_address(found)
    except (PermissionDenied, ValidationError):
        return None
    return str(found)


def entries_about(user: User) -> QuerySet[AuditEntry]:
    """What was done to this account or by it, newest first."""
    return AuditEntry.objects.filter(Q(subject=user) | Q(actor=user))


# What these entries are about is in the person's own words, or leads to them.
PERSONAL = (Action.EMAIL_CHANGED, Action.KEY_CREATED, Action.KEY_REVOKED, Action.SHARED)


def forget(user: User) -> None:
    """The account goes: what it did stays written down, without its name, its words and where it was."""
    number = f"#{user.pk}"
    _rewrite({"actor_name": number, "address": None}, actor=user)
    _rewrite({"address": None}, actor=None, subject=user)  # a wrong password is typed by nobody
    _rewrite({"target": ""}, subject=user, action__in=PERSONAL)
    _rewrite({"subject_name": number}, subject=user)


def forget_target(
    target: str, action: AuditEntry.Action, number: str, *, since: datetime, until: datetime
) -> None:
    """What names a person who goes as what else it is about."""
    _rewrite({"target": number}, action=action, target=target[:200], at__range=(since, until))


def _rewrite(changes: dict[str, Any], **which: Any) -> None:
    """The only changes that there are, past the guard of the rows."""
    query = AuditEntry.objects.filter(**which).query.chain(UpdateQuery)
    query.add_update_values(changes)  # type: ignore[attr-defined]
    query.get_compiler("default").execute_sql(None)


# --- Breaking the glass ----------------------------------------------------------------------------------------------


def may_break_glass(user: User) -> bool:
    return user.is_active and user.has_perm("accounts.break_glass")


def broken_glass(actor: User, subject: User, *, now: datetime) -> AuditEntry | None:
    """What lets this administrator read that person's chats now: an entry with a reason, less than an hour old."""
    return AuditEntry.objects.filter(
        action=Action.GLASS_BROKEN,
        actor=actor,
        subject=subject,
        at__gt=now - GLASS_STAYS_BROKEN,
        at__lte=now,
    ).first()


# --- What Django and allauth tell ------------------------------------------------------------------------------------


@receiver(signals.user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_others: Any) -> None:
    record(Action.SIGNED_IN, request=request, actor=user, subject=user)


@receiver(signals.user_logged_out)
def _signed_out(request: HttpRequest, user: User | None, **_others: Any) -> None:
    if isinstance(user, User):
        record(Action.SIGNED_OUT, request=request, actor=user, subject=user)


@receiver(signals.user_login_failed)
def _sign_in_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_others: Any
) -> None:
    """Only for accounts that there are: people type passwords where names belong."""
    name = str(credentials.get("username") or credentials.get("email") or "")
    key = fold(name)
    user = User.objects.filter(Q(username_key=key) | Q(email_key=key)).first() if key else None
    if user is not None:
        record(Action.SIGN_IN_FAILED, request=request, subject=user)


@receiver(allauth_signals.password_changed)
@receiver(allauth_signals.password_set)
def _password_changed(request: HttpRequest, user: User, **_others: Any) -> None:
    record(Action.PASSWORD_CHANGED, request=request, actor=user, subject=user)


@receiver(allauth_signals.password_reset)
def _password_reset(request: HttpRequest, user: User, **_others: Any) -> None:
    record(Action.PASSWORD_RESET, request=request, actor=user, subject=user)


@receiver(allauth_signals.email_changed)
def _email_changed(request: HttpRequest, user: User, **_others: Any) -> None:
    record(Action.EMAIL_CHANGED, request=request, actor=user, subject=user)


@receiver(allauth_signals.user_signed_up)
def _signed_up(request: HttpRequest, user: User, **_others: Any) -> None:
    record(Action.ACCOUNT_CREATED, request=request, actor=user, subject=user)


@receiver(mfa_signals.authenticator_added)
def _factor_added(request: HttpRequest, user: User, authenticator: Any, **_others: Any) -> None:
    kind = authenticator.get_type_display()
    record(Action.FACTOR_ADDED, request=request, actor=user, subject=user, target=kind)


@receiver(mfa_signals.authenticator_removed)
def _factor_removed(request: HttpRequest, user: User, authenticator: Any, **_others: Any) -> None:
    kind = authenticator.get_type_display()
    record(Action.FACTOR_REMOVED, request=request, actor=user, subject=user, target=kind)


def now_reading(actor: User, subject: User, *, target: object, request: HttpRequest) -> None:
    """One entry for each chat, however often it is looked at while the glass is broken.

    target: its number. Its title is the person's words: others read the log, and it outlives the chat.
    """
    since = timezone.now() - GLASS_STAYS_BROKEN
    seen = AuditEntry.objects.filter(
        action=Action.CHAT_READ, actor=actor, subject=subject, target=str(target), at__gt=since
    )
    if not seen.exists():
        record(Action.CHAT_READ, request=request, subject=subject, target=target)
