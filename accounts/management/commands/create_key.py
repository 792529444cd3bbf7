"""Makes an API key for somebody and prints it, this once and alone: ready for a variable of a script."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts import api_keys, audit
from accounts.key_forms import KeyForm
from accounts.models import Scope, User
from accounts.selectors import user_named


class Command(BaseCommand):
    help = "Create an API key for a user. The key is printed once and kept nowhere: only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what will use it, such as “backup script”")
        parser.add_argument("--user", required=True, metavar="NAME", help="whose key it is")
        parser.add_argument(
            "--scopes",
            default=Scope.CHAT.value,
            metavar="SCOPES",
            help=f"of {', '.join(Scope.values)}, with commas between; chat if not given",
        )
        parser.add_argument(
            "--expires",
            metavar="DATE",
            help="the last day on which it is valid, such as 2027-01-31; never if not given",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        user = _person(options["user"])
        with transaction.atomic():
            try:
                made = api_keys.create_key(
                    user,
                    name=_name(options["name"]),
                    scopes=_scopes(options["scopes"]),
                    expires_at=_end(options["expires"], now),
                    now=now,
                )
            except api_keys.TooManyKeys as error:
                raise CommandError(
                    f"{user} has {api_keys.MOST_KEYS} keys that are valid, which is the most. Revoke one first."
                ) from error
            if made is None:
                raise CommandError("No key was made. Run it again.")
            audit.record(
                audit.Action.KEY_CREATED, actor_name="create_key", subject=user, target=made[0].name
            )
        self.stdout.write(made[1])


def _person(name: str) -> User:
    user = user_named(name)
    if user is None:
        raise CommandError(f"Not known: user {name}. No key was made.")
    if not user.is_active:
        raise CommandError(f"{user} is suspended: no key would let them in. No key was made.")
    return user


def _name(text: str) -> str:
    try:
        name: str = KeyForm.base_fields["name"].clean(text)
    except ValidationError as error:
        raise CommandError(f"That cannot be the name of a key: {error.messages[0]}") from error
    return name


def _scopes(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in Scope.values]
    if unknown or not names:
        wrong = f"Not known: scope {', '.join(unknown)}." if unknown else "A key needs a scope."
        raise CommandError(f"{wrong} Choose among {', '.join(Scope.values)}. No key was made.")
    return names


def _end(text: str | None, now: datetime) -> datetime | None:
    """The end of that day in the site's time zone."""
    if text is None:
        return None
    try:
        end = api_keys.end_of(date.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise CommandError(
            f"--expires is {text!r}. Write a date such as 2027-01-31. No key was made."
        ) from error
    if end <= now:
        raise CommandError(
            f"--expires is {text}, which is over. Choose today or a later day. No key was made."
        )
    return end
