"""`manage.py housekeeping`: remove what has expired. For a daily timer; running it twice at once does no harm."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from conversations import retention


class Command(BaseCommand):
    help = "Removes expired sessions and conversations that were deleted longer ago than Undo is offered."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("clearsessions", verbosity=0)
        count = 0
        while purged := retention.purge_deleted(timezone.now()):
            count += purged
        self.stdout.write(f"conversations {count}")
