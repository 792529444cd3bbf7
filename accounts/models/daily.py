"""The ledger's sums for each day, so that pages about usage read few rows. `quotas/` is the only writer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .usage import UsagePeriod, UsageRecord


class DailyUsage(models.Model):
    """What one person spent on one model in one day, through one key or without, and how it went.

    kind: of resets, which have rows of their own: what is given back twice, for a day and its month, was spent once.
    calls: whatever became of them; errors: those that failed or were interrupted. requests, tokens, money: as in the
    ledger. first_tokens: calls of which is known when the first word came, with the sum of the seconds until then, and
    how many of them took no more than one second and five.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="daily_usage"
    )
    api_key = models.ForeignKey("ApiKey", models.SET_NULL, null=True, related_name="daily_usage")
    day = models.DateField()
    service = models.CharField(max_length=13, choices=UsageRecord.Service)
    model_name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=5, blank=True, choices=UsagePeriod.Kind)
    calls = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    tokens_cached = models.BigIntegerField(default=0)
    money = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    first_tokens = models.BigIntegerField(default=0)
    first_tokens_seconds = models.FloatField(default=0)
    first_tokens_in_1s = models.BigIntegerField(default=0)
    first_tokens_in_5s = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("usage of a day")
        verbose_name_plural = _("usage")
        indexes = (models.Index(fields=["day"], name="daily_usage_by_day"),)
        constraints = (
            models.UniqueConstraint(
                fields=["user", "day", "service", "model_name", "kind"],
                condition=Q(api_key=None),
                name="one_row_per_day",
            ),
            models.UniqueConstraint(
                fields=["api_key", "day", "service", "model_name", "kind"],
                name="one_row_per_day_of_a_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.day} {self.model_name}"
