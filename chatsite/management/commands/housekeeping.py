"""`manage.py housekeeping`: remove what has expired. For a daily timer; running it twice at once does no harm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from accounts import services
from conversations import clock, expiry, retention


class Command(BaseCommand):
    help = (
        "Removes expired sessions, conversations that were deleted longer ago than Undo is offered, those that nobody"
        " has used for longer than they are kept, instructions that were sent for none that is left, the sound of"
        " answers that were read aloud a week ago, and what the cache has in the database for too long. By its age"
        " nothing goes for a day after the clock has jumped."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        trusted = clock.look(now)
        if trusted <= now:
            call_command("clearsessions", verbosity=0)
            services.forget_ended_sessions()
        count = 0
        for remove in (retention.purge_deleted, expiry.remove_unused):
            while removed := remove(timezone.now()):
                count += removed
        if trusted <= now:
            retention.forget_instructions(now)
            retention.forget_spoken(now)
        _forget_expired(timezone.now())
        self.stdout.write(f"conversations {count}")
        if trusted > now:
            self.stdout.write(
                "Old sessions and conversations that nobody has used stay until"
                f" {timezone.localtime(trusted):%Y-%m-%d %H:%M %Z}, when this clock will have gone"
                " for a day without a jump. Check that it is right."
            )


def _forget_expired(now: datetime) -> None:
    """A cache in the database keeps what has expired until it is full: parts of pages of what is long gone."""
    cache = settings.CACHES["default"]
    if str(cache["BACKEND"]).endswith("DatabaseCache"):
        table = connection.ops.quote_name(str(cache["LOCATION"]))
        expires = connection.ops.adapt_datetimefield_value(now.replace(microsecond=0))
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [expires])  # noqa: S608 (the table of our settings)
