"""What else is a person's, as files: profile, role presets, folders and tags, keys without secrets, the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession

from accounts.models import SPENDING_LIMITS, ApiKey, UsageRecord, User
from chatsite.csv_files import csv_lines

from .. import preset_files, presets
from ..models import Folder, Tag
from ..preset_content import content_of
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
    "default_model",
    "default_preset",
    "retention_days",
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


def profile(user: User) -> Iterator[str]:
    plan = user.plan
    addresses = EmailAddress.objects.filter(user=user).values("email", "verified", "primary")
    about = {name: getattr(user, name) for name in PROFILE} | {
        "plan": plan.name if plan else None,
        "email_addresses": list(addresses),
        "sessions": list(UserSession.objects.filter(user=user).values(*SESSION)),
    }
    yield written(about, indent=2) + "\n"


def labels(user: User) -> Iterator[str]:
    names = {
        "folders": list(Folder.objects.filter(owner=user).values_list("name", flat=True)),
        "tags": list(Tag.objects.filter(owner=user).values_list("name", flat=True)),
    }
    yield written(names, indent=2) + "\n"


def keys(user: User, now: datetime) -> Iterator[str]:
    about = [_key(key, now) for key in user.api_keys.select_related("user")]
    yield written(about, indent=2) + "\n"


def _key(key: ApiKey, now: datetime) -> dict[str, Any]:
    about = {name: getattr(key, name) for name in KEY}
    return {"beginning": key.shown, "state": key.state(now).value, **about}


def preset_documents(user: User) -> Iterator[str]:
    """As many files as it takes for each to be one that can be imported."""
    contents: list[dict[str, Any]] = []
    size = 0
    for preset in presets.own_presets(user):
        content = content_of(preset)
        length = len(preset_files.as_json([content]).encode())
        if contents and (
            size + length > preset_files.MOST_BYTES or len(contents) == preset_files.MOST_ROWS
        ):
            yield preset_files.as_json(contents)
            contents, size = [], 0
        contents.append(content)
        size += length
    yield preset_files.as_json(contents)


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
