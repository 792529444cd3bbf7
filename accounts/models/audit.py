"""Who did what to whom, and from where: rows that are only ever added."""

from __future__ import annotations

from typing import Any, Never

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Rows(models.QuerySet["AuditEntry"]):
    """Nothing that has been written down is changed or taken away, by whatever way of the ORM."""

    def update(self, **changes: object) -> Never:
        raise TypeError("The audit log is append-only.")

    def delete(self) -> Never:
        raise TypeError("The audit log is append-only.")


class AuditEntry(models.Model):
    """One event. actor: who did it, if somebody signed in did; subject: whose account it is about.

    Both are also kept as names: accounts may go, and then the names become `#` and the number the account had.
    target: what else it is about, by its name. reason: why, in the words of who did it.
    """

    class Action(models.TextChoices):
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
        SIGNED_OUT = "signed_out", _("signed out")
        PASSWORD_CHANGED = "password_changed", _("password changed")
        PASSWORD_RESET = "password_reset", _("password reset by e-mail")
        EMAIL_CHANGED = "email_changed", _("e-mail address changed")
        KEY_CREATED = "key_created", _("API key created")
        KEY_REVOKED = "key_revoked", _("API key revoked")
        PASS_REVOKED = "pass_revoked", _("ChatAPI pass revoked")
        FACTOR_ADDED = "factor_added", _("second factor added")
        FACTOR_REMOVED = "factor_removed", _("second factor removed")
        INVITED = "invited", _("invitation made")
        INVITATION_REVOKED = "invitation_revoked", _("invitation revoked")
        APPROVED = "approved", _("approved")
        ACCOUNT_CREATED = "account_created", _("account created")
        ACCOUNT_DELETED = "account_deleted", _("account deleted")
        SUSPENDED = "suspended", _("suspended")
        REACTIVATED = "reactivated", _("let in again")
        ROLE_CHANGED = "role_changed", _("rights changed")
        PLAN_CHANGED = "plan_changed", _("plan changed")
        QUOTA_RESET = "quota_reset", _("quota reset")
        EXPORTED = "exported", _("data exported")
        SHARED = "shared", _("shared")
        GLASS_BROKEN = "glass_broken", _("chats opened by an administrator")
        CHAT_READ = "chat_read", _("chat read by an administrator")

    at = models.DateTimeField(_("time"), default=timezone.now)
    action = models.CharField(_("event"), max_length=20, choices=Action)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("by"),
        null=True,
        related_name="+",
    )
    actor_name = models.CharField(_("by"), max_length=150, blank=True)
    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("account"),
        null=True,
        related_name="+",
    )
    subject_name = models.CharField(_("account"), max_length=150, blank=True)
    target = models.CharField(_("what"), max_length=200, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    address = models.GenericIPAddressField(_("network address"), null=True)

    objects = Rows.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ("-at", "-pk")
        indexes = (
            models.Index(fields=["subject", "-at"], name="audit_by_subject"),
            models.Index(fields=["action", "-at"], name="audit_by_action"),
        )
        permissions = (("break_glass", "Can read other people's chats, which is told to them"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_action_display()} {self.subject_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The audit log is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("The audit log is append-only.")
