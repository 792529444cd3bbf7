"""Links by which people may join."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .usage import Plan

MOST_USES = 10_000


class InvitationState(models.TextChoices):
    """Of an invitation at a moment."""

    VALID = "valid", _("valid")
    USED = "used", _("used")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


class Invitation(models.Model):
    """One link for one person, or for a number of them. It is shown once; only its hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    email = models.EmailField(
        _("e-mail address"),
        blank=True,
        help_text=_("Only this address may join with it. Empty: whoever has the link."),
    )
    note = models.CharField(
        _("note"),
        max_length=200,
        blank=True,
        help_text=_("For administrators, such as whom it is for."),
    )
    plan = models.ForeignKey(
        Plan,
        models.SET_NULL,
        verbose_name=_("plan"),
        null=True,
        blank=True,
        related_name="invitations",
        help_text=_("Of those who join with it. Empty: the group's plan, else the site's default."),
    )
    uses = models.PositiveIntegerField(
        _("uses"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_USES)],
        help_text=_("How many people may join with it."),
    )
    used = models.PositiveIntegerField(_("used"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("made by"),
        null=True,
        editable=False,
        related_name="+",
    )
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(used__lte=F("uses")), name="invitation_not_used_too_often"
            ),
        )

    def __str__(self) -> str:
        return self.note or self.email or f"{self.created_at:%Y-%m-%d %H:%M}"

    def state(self, now: datetime) -> InvitationState:
        if self.revoked_at is not None:
            return InvitationState.REVOKED
        if self.used >= self.uses:
            return InvitationState.USED
        if self.expires_at is not None and self.expires_at <= now:
            return InvitationState.EXPIRED
        return InvitationState.VALID
