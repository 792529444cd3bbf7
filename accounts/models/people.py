"""People, and the link that makes the first administrator."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from .invitations import Invitation
from .usage import Plan


def fold(text: str) -> str | None:
    """The form in which names and addresses are compared: NFKC, case folded; None when empty."""
    return unicodedata.normalize("NFKC", text).strip().casefold() or None


def check_fits(text: str, *, field: str) -> None:
    """Raises ValidationError for a name or address too long for its column, or for its key's: folding can triple it."""
    for column, stored in ((field, text), (f"{field}_key", fold(text) or "")):
        if len(stored) > getattr(User._meta.get_field(column), "max_length", 0):
            raise ValidationError(_("That is too long."), code="max_length")


class User(AbstractUser):
    """A person. `username_key` and `email_key` make names and addresses unique as people read them."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the device is set")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class SendKey(models.TextChoices):
        ENTER = "enter", _("Enter sends, Shift+Enter begins a new line")
        CONTROL_ENTER = "control-enter", _("Ctrl+Enter (or ⌘+Enter) sends, Enter begins a new line")

    username = models.CharField(
        _("user name"),
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": _("A user with that name already exists.")},
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    username_key = models.CharField(max_length=300, unique=True, editable=False)
    email_key = models.CharField(max_length=500, unique=True, null=True, editable=False)  # noqa: DJ001 (null: any number without one)
    plan = models.ForeignKey(
        Plan,
        models.SET_NULL,
        verbose_name=_("plan"),
        null=True,
        blank=True,
        related_name="users",
        help_text=_("Empty: the group's plan, else the site's default."),
    )
    invitation = models.ForeignKey(
        Invitation,
        models.SET_NULL,
        verbose_name=_("invitation"),
        null=True,
        blank=True,
        editable=False,
        related_name="guests",
    )
    awaits_approval = models.BooleanField(
        _("waits for approval"),
        default=False,
        editable=False,
        help_text=_("Nobody has let this person in yet; inactive until then."),
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=settings.LANGUAGES
    )
    theme = models.CharField(_("appearance"), max_length=6, choices=Theme, default=Theme.SYSTEM)
    high_contrast = models.BooleanField(_("high contrast"), default=False)
    send_key = models.CharField(_("sending"), max_length=13, choices=SendKey, default=SendKey.ENTER)
    shortcuts = models.BooleanField(_("keyboard shortcuts"), default=True)
    custom_instructions = models.TextField(_("custom instructions"), blank=True, max_length=4000)
    default_model = models.CharField(_("default model"), max_length=200, blank=True)
    default_preset = models.CharField(_("default role preset"), max_length=60, blank=True)
    model_titles = models.BooleanField(_("titles by the model"), default=False)
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Conversations that are not used for so long go; empty: by the site's rule alone.",
    )
    retention_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When that was chosen: nothing goes before a day has passed.",
    )
    auth_epoch = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Raised to end every session, key and open stream of this person.",
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("username",)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps true what follows from other columns: the two keys, and the epoch that another password begins."""
        self.username_key = fold(self.username) or ""
        self.email_key = fold(self.email)
        fields = kwargs.get("update_fields")
        if fields is not None:
            keys = {f"{name}_key" for name in ("username", "email") if name in fields}
            kwargs["update_fields"] = {*fields, *keys}
        # Set by `set_password`, not where signing in only hashes the same password anew.
        if getattr(self, "_password", None) is not None and not self._state.adding:
            self.auth_epoch += 1
            if fields is not None:
                kwargs["update_fields"] |= {"auth_epoch"}
        super().save(*args, **kwargs)

    def get_session_auth_hash(self) -> str:
        return self._session_hash()

    def get_session_auth_fallback_hash(self) -> Any:
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(secret)

    def _session_hash(self, secret: str | bytes | None = None) -> str:
        """Changes with the password and with `auth_epoch`, and every session with it."""
        return salted_hmac(
            "accounts.models.User.session",
            f"{self.password}:{self.auth_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()


class SetupLink(models.Model):
    """The one-time link that creates the first administrator. Only the hash of its token is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("setup link")
        verbose_name_plural = _("setup links")

    def __str__(self) -> str:
        return f"{self.expires_at:%Y-%m-%d %H:%M}"
