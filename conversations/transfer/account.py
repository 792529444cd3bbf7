"""A person's account as files: profile, ways to sign in, keys without secrets, activity, the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet

from accounts import audit
from accounts.models import (
    SPENDING_LIMITS,
    ApiKey,
    AuditEntry,
    Invitation,
    Pass,
    UsageRecord,
    User,
)
from accounts.second_factors import factors_of
from chatsite.csv_files import csv_lines

from .documents import written
from .reading import rows_of

PROFILE = (
    "username",
    "email",
    "first_name",
    "last_name",
    "date_joined",
    "last_login",
    "language",
    "theme",
    "high_contrast",
    "send_key",
    "shortcuts",
    "custom_instructions",
    "model_titles",
    "default_model",
    "default_preset",
    "retention_days",
    "retention_since",
)
SESSION = ("ip", "user_agent", "created_at", "last_seen_at")
KEY = (
    "name",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "scopes",
    *SPENDING_LIMITS,
)
PASS = ("issued_at", "expires_at", "last_used_at")
IDENTITY = ("provider", "uid", "date_joined", "last_login", "extra_data")
MADE = ("email", "note", "uses", "used", "created_at", "expires_at", "revoked_at")
ACTIVITY = ("at", "event", "what", "reason", "account", "by", "address")
USAGE = (
    "recorded_at",
    "day",
    "outcome",
    "service",
    "model_name",
    "requests",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "estimated",
    "money",
    "seconds_to_first_token",
    "kind",
    "reason",
    "completion_id",
)
RECORDS_AT_ONCE = 500


def profile(user: User, now: datetime) -> Iterator[str]:
    plan = user.plan
    addresses = EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
    about = {name: getattr(user, name) for name in PROFILE} | {
        "plan": plan.name if plan else None,
        "groups": list(user.groups.order_by("name").values_list("name", flat=True)),
        "email_addresses": list(addresses),
        "sessions": list(_open_sessions(user, now).values(*SESSION)),
    }
    yield written(about, indent=2) + "\n"


def _open_sessions(user: User, now: datetime) -> QuerySet[UserSession]:
    there = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=now)
    found: QuerySet[UserSession] = UserSession.objects.filter(Exists(there), user=user)
    return found.order_by("created_at")


def ways_in(user: User, now: datetime) -> Iterator[str]:
    """What opens the account beside the password, by name, and the invitations that the person used or made."""
    found = factors_of(user)
    factors = [*([found.app] if found.app else []), *found.passkeys]
    invited = user.invitation
    about = {
        "second_factors": [_factor(factor) for factor in factors],
        "recovery_codes_left": found.codes_left,
        "single_sign_on": list(SocialAccount.objects.filter(user=user).values(*IDENTITY)),
        "chatapi_pass": Pass.objects.filter(user=user).values(*PASS).first(),
        "joined_by_invitation": {"email": invited.email, "created_at": invited.created_at}
        if invited
        else None,
        "invitations_made": [
            {name: getattr(invitation, name) for name in MADE}
            | {"state": invitation.state(now).value}
            for invitation in Invitation.objects.filter(created_by=user).order_by("created_at")
        ],
    }
    yield written(about, indent=2) + "\n"


def _factor(factor: Authenticator) -> dict[str, Any]:
    """Nothing of what it proves itself with."""
    return {
        "kind": factor.type,
        "name": str(factor),
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    }


def keys(user: User, now: datetime) -> Iterator[str]:
    about = [_key(key, now) for key in user.api_keys.select_related("user")]
    yield written(about, indent=2) + "\n"


def _key(key: ApiKey, now: datetime) -> dict[str, Any]:
    about = {name: getattr(key, name) for name in KEY}
    return {"beginning": key.shown, "state": key.state(now).value, **about}


def activity(user: User) -> Iterator[str]:
    """The person's own part of the audit log as CSV, newest first."""
    yield from csv_lines(_activity_rows(user))


def _activity_rows(user: User) -> Iterator[list[Any]]:
    yield [*ACTIVITY]
    entries = audit.entries_about(user).order_by("-pk")
    for entry in rows_of(entries, at_once=RECORDS_AT_ONCE):
        yield _event(entry, user)


def _event(entry: AuditEntry, user: User) -> list[Any]:
    """As the page of one's activity shows it: the address of whoever else did it is theirs."""
    by_user = entry.actor_id == user.pk
    return [
        entry.at,
        entry.action,
        entry.target,
        entry.reason,
        "" if entry.subject_id == user.pk else entry.subject_name,
        "" if by_user else entry.actor_name,
        entry.address if by_user or not entry.actor_name else None,
    ]


def usage(user: User) -> Iterator[str]:
    """The ledger as CSV."""
    yield from csv_lines(_usage_rows(user))


def _usage_rows(user: User) -> Iterator[list[Any]]:
    """Day by day, which an index finds."""
    yield [*USAGE, "api_key"]
    mine = UsageRecord.objects.filter(user=user)
    for day in mine.order_by("day").values_list("day", flat=True).distinct():
        records = mine.filter(day=day).order_by("recorded_at", "pk").select_related("api_key")
        for record in rows_of(records, at_once=RECORDS_AT_ONCE):
            key = record.api_key
            values = [getattr(record, name) for name in USAGE]
            yield [*values, f"{key.name} ({key.shown})" if key else ""]
