"""`manage.py setup_link`: another link that creates the administrator, in place of the one that the start printed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts import setup
from chatsite import serving


class Command(BaseCommand):
    help = (
        "Prints a new link that creates the administrator, while there is none. Earlier ones end."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        url = settings.PUBLIC_URL or serving.local_url(settings.HOST, settings.PORT)
        link = setup.new_setup_link(url)
        self.stdout.write(f"Create the administrator: {link}" if link else "There is one already.")
