"""What programs show instead of signing in."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .usage import SpendingLimits, limits_not_negative


class Scope(models.TextChoices):
    """What a key may be used for."""

    CHAT = "chat", _("Ask models")
    AUDIO = "audio", _("Turn speech into text and text into speech")
    READ = "read", _("Read conversations, role presets and usage")
    WRITE = "write", _("Create and change conversations")

    @property
    def shown(self) -> SafeString:
        """HTML, with the name that programs are told when a key lacks it."""
        return format_html("{} <code>{}</code>", self.label, self.value)


class State(models.TextChoices):
    """Of a key at a moment."""

    VALID = "valid", _("valid")
    REVOKED = "revoked", _("revoked")
    EXPIRED = "expired", _("expired")
    ENDED = "ended", _("ended with a change of password or by an administrator")


class ApiKey(SpendingLimits):
    """One program's way in for one person. The secret is shown once; only its hash is kept.

    Revoked keys stay: the ledger names them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"), related_name="api_keys"
    )
    name = models.CharField(_("name"), max_length=60)
    prefix = models.CharField(_("beginning"), max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    auth_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="The person's when the key was made."
    )
    scopes = models.JSONField(_("may be used to"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)
        constraints = limits_not_negative("key")

    def __str__(self) -> str:
        return f"{self.name} ({self.shown})"

    @property
    def shown(self) -> str:
        """As much of the key as may be seen, to tell it from others."""
        return f"ck_{self.prefix}_…"

    def state(self, now: datetime) -> State:
        """Needs the key's user."""
        if self.revoked_at is not None:
            return State.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return State.EXPIRED
        if self.auth_epoch != self.user.auth_epoch or not self.user.is_active:
            return State.ENDED
        return State.VALID

    def allows(self, scope: str) -> bool:
        return scope in self.scopes

    @property
    def scopes_shown(self) -> list[SafeString]:
        return [scope.shown for scope in Scope if scope in self.scopes]


class Pass(models.Model):
    """What the clients of the original ChatAPI show: a signed JWT, one per person. Only its claims are kept.

    jti names it: of all that were ever signed, the one with this jti lets its person in.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="chatapi_pass",
    )
    jti = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    issued_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("valid until"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    auth_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="The person's when the pass was made."
    )

    class Meta:
        verbose_name = _("ChatAPI pass")
        verbose_name_plural = _("ChatAPI passes")
        ordering = ("-issued_at",)

    def __str__(self) -> str:
        return f"{self.user_id} {self.expires_at:%Y-%m-%d %H:%M}"

    def is_valid(self, now: datetime) -> bool:
        """Needs the pass's user."""
        is_of_today = self.auth_epoch == self.user.auth_epoch and self.user.is_active
        return is_of_today and self.expires_at > now
