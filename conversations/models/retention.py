"""Since when the site lets conversations go."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SiteRetention(models.Model):
    """The one row about `RETENTION_DAYS`: an environment does not tell since when it says so.

    since: when the site was first seen with these days; nothing goes before a day has passed.
    """

    days = models.PositiveIntegerField()
    since = models.DateTimeField()

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")

    def __str__(self) -> str:
        return f"{self.days} {self.since:%Y-%m-%d %H:%M}"
