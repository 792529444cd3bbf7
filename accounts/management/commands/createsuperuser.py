"""Django's command; the administrator it makes also has a verified e-mail address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction

from accounts import setup
from accounts.models import User


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        before = set(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
        try:
            with transaction.atomic():
                super().handle(*args, **options)
                for user in User.objects.filter(is_superuser=True).exclude(pk__in=before):
                    setup.welcome_administrator(user)
        except IntegrityError as error:
            raise CommandError(
                "That user name or e-mail address belongs to someone else. Choose another."
            ) from error
