"""What people may spend and have spent. `quotas/` is the only writer of usage.

The ledger lives here because it outlives the chats it paid for.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SpendingLimits(models.Model):
    """What may be spent in a day and in a month. An empty limit is no limit."""

    requests_per_day = models.BigIntegerField(_("requests a day"), null=True, blank=True)
    requests_per_month = models.BigIntegerField(_("requests a month"), null=True, blank=True)
    tokens_per_day = models.BigIntegerField(_("tokens a day"), null=True, blank=True)
    tokens_per_month = models.BigIntegerField(_("tokens a month"), null=True, blank=True)
    money_per_day = models.DecimalField(
        _("money a day"),
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("In the currency of the models' prices."),
    )
    money_per_month = models.DecimalField(
        _("money a month"),
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("In the currency of the models' prices."),
    )

    class Meta:
        abstract = True


SPENDING_LIMITS = tuple(field.name for field in SpendingLimits._meta.local_fields)


def limits_not_negative(prefix: str) -> tuple[models.CheckConstraint, ...]:
    return tuple(
        models.CheckConstraint(
            condition=Q(**{f"{limit}__isnull": True}) | Q(**{f"{limit}__gte": 0}),
            name=f"{prefix}_{limit}_not_negative",
            violation_error_message=_("A limit is zero or more, or empty for none."),
        )
        for limit in SPENDING_LIMITS
    )


class Plan(SpendingLimits):
    """What its users may spend, with which models, and how much of it at once."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    concurrent_completions = models.PositiveIntegerField(
        _("answers at once"), null=True, blank=True
    )
    allowed_models = models.JSONField(
        _("allowed models"),
        default=list,
        blank=True,
        help_text=_('Model names, such as ["gpt-5-mini"]. Empty: every model.'),
    )
    is_default = models.BooleanField(
        _("default"), default=False, help_text=_("For everyone without a plan of their own.")
    )
    groups = models.ManyToManyField(
        Group,
        verbose_name=_("groups"),
        related_name="plans",
        blank=True,
        help_text=_("Members get this plan; the most generous limits of several apply."),
    )

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_plan"
            ),
            *limits_not_negative("plan"),
        )

    def __str__(self) -> str:
        return self.name


class UsagePeriod(models.Model):
    """What one person has reserved and used in one day or month: the ledger's sums, ready for one-row decisions.

    Beside the person's row each of their keys that was used has its own.
    """

    class Kind(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="usage_periods",
    )
    kind = models.CharField(_("period"), max_length=5, choices=Kind)
    start = models.DateField(
        _("start"), help_text=_("First day of the period, in the site's time zone.")
    )
    api_key = models.ForeignKey(
        "ApiKey",
        models.CASCADE,
        verbose_name=_("API key"),
        null=True,
        blank=True,
        related_name="usage_periods",
        help_text=_("Empty: of the person, whatever it was spent through."),
    )
    reserved_requests = models.BigIntegerField(_("reserved requests"), default=0)
    reserved_tokens = models.BigIntegerField(_("reserved tokens"), default=0)
    reserved_money = models.DecimalField(
        _("reserved money"), max_digits=18, decimal_places=8, default=0
    )
    used_requests = models.BigIntegerField(_("used requests"), default=0)
    used_tokens = models.BigIntegerField(_("used tokens"), default=0)
    used_money = models.DecimalField(_("used money"), max_digits=18, decimal_places=8, default=0)

    class Meta:
        verbose_name = _("usage period")
        verbose_name_plural = _("usage periods")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "kind", "start"],
                condition=Q(api_key=None),
                name="one_row_per_period",
            ),
            models.UniqueConstraint(
                fields=["api_key", "kind", "start"], name="one_row_per_period_of_a_key"
            ),
            models.CheckConstraint(
                condition=Q(
                    reserved_requests__gte=0,
                    reserved_tokens__gte=0,
                    reserved_money__gte=0,
                    used_requests__gte=0,
                    used_tokens__gte=0,
                    used_money__gte=0,
                ),
                name="usage_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.get_kind_display()} {self.start}"


class UsageRecord(models.Model):
    """The ledger: one row per completion, call or reset, never changed. Only the person's reference may be cleared."""

    class Outcome(models.TextChoices):
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")
        RESET = "reset", _("reset")

    class Service(models.TextChoices):
        CHAT = "chat", _("answers")
        EMBEDDINGS = "embeddings", _("embeddings")
        TRANSCRIPTION = "transcription", _("speech to text")
        SPEECH = "speech", _("text to speech")
        IMAGES = "images", _("images")
        TITLES = "titles", _("titles")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("user"),
        null=True,
        related_name="usage_records",
    )
    api_key = models.ForeignKey(
        "ApiKey",
        models.SET_NULL,
        verbose_name=_("API key"),
        null=True,
        related_name="usage_records",
    )
    service = models.CharField(_("service"), max_length=13, choices=Service, default=Service.CHAT)
    completion_id = models.UUIDField(_("completion"), unique=True, null=True)
    day = models.DateField(_("day"))
    month = models.DateField(_("month"))
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)
    outcome = models.CharField(_("outcome"), max_length=11, choices=Outcome)
    model_name = models.CharField(_("model name"), max_length=200, blank=True)
    requests = models.BigIntegerField(_("requests"), default=0)
    tokens_in = models.BigIntegerField(_("tokens in"), default=0)
    tokens_out = models.BigIntegerField(_("tokens out"), default=0)
    tokens_cached = models.BigIntegerField(_("tokens cached"), default=0)
    estimated = models.BooleanField(
        _("estimated"),
        default=False,
        help_text=_("The endpoint reported no sane usage; these are our counts."),
    )
    money = models.DecimalField(_("money"), max_digits=18, decimal_places=8, default=0)
    seconds_to_first_token = models.FloatField(
        pgettext_lazy("measured", "seconds to the first word"), null=True
    )
    kind = models.CharField(
        _("period"),
        max_length=5,
        blank=True,
        choices=UsagePeriod.Kind,
        help_text=_("Of a reset: the one kind of period it applies to."),
    )
    actor = models.CharField(
        _("reset by"), max_length=150, blank=True, help_text=_("Of a reset: who did it.")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")
        indexes = (
            models.Index(fields=["user", "day"], name="usage_by_user_and_day"),
            models.Index(fields=["user", "month"], name="usage_by_user_and_month"),
            models.Index(fields=["-recorded_at"], name="usage_newest_first"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="reset")
                | Q(requests__gte=0, tokens_in__gte=0, tokens_out__gte=0, money__gte=0),
                name="only_a_reset_is_negative",
            ),
            models.CheckConstraint(
                condition=Q(tokens_cached__lte=F("tokens_in")) | Q(outcome="reset"),
                name="cached_tokens_are_input",
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.get_outcome_display()} {self.model_name}"


class Reservation(models.Model):
    """What an open completion or call may still spend. Settling deletes it, so settling happens once.

    alive_at: of a call, the last sign of life of the process that makes it; a completion has its own.
    """

    id = models.UUIDField(primary_key=True, help_text="The completion's or call's id.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reservations")
    api_key = models.ForeignKey("ApiKey", models.CASCADE, null=True, related_name="reservations")
    service = models.CharField(
        max_length=13, choices=UsageRecord.Service, default=UsageRecord.Service.CHAT
    )
    alive_at = models.DateTimeField(null=True)
    day = models.DateField()
    month = models.DateField()
    requests = models.PositiveIntegerField(default=1)
    tokens = models.BigIntegerField(default=0)
    money = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")

    def __str__(self) -> str:
        return str(self.id)
