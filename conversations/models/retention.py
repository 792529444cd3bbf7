"""Since when the site lets conversations go, and what it knows of its clock."""

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


class ClockLook(models.Model):
    """The one row about the site's clock, by that clock itself.

    looked_at: when retention last looked; steady_since: since when no look came as if the clock had been set.
    """

    looked_at = models.DateTimeField()
    steady_since = models.DateTimeField()

    class Meta:
        verbose_name = _("look at the clock")
        verbose_name_plural = _("looks at the clock")

    def __str__(self) -> str:
        return f"{self.looked_at:%Y-%m-%d %H:%M}"
