"""Role presets with their parameters, and every instruction that was ever sent."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .endpoints import ChatModel


class Sampling(models.Model):
    """The parameters of a completion. Empty: the model's own default."""

    temperature = models.FloatField(
        _("temperature"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text=_("0 to 2"),
    )
    top_p = models.FloatField(
        _("top p"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=_("0 to 1"),
    )
    presence_penalty = models.FloatField(
        _("presence penalty"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-2), MaxValueValidator(2)],
        help_text=_("-2 to 2"),
    )
    frequency_penalty = models.FloatField(
        _("frequency penalty"),
        null=True,
        blank=True,
        validators=[MinValueValidator(-2), MaxValueValidator(2)],
        help_text=_("-2 to 2"),
    )
    max_tokens = models.PositiveIntegerField(
        _("longest answer"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1_000_000)],
        help_text=_("Tokens."),
    )

    NAMES = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens")

    class Meta:
        abstract = True
        constraints: ClassVar[tuple[models.BaseConstraint, ...]] = (
            models.CheckConstraint(
                condition=(Q(temperature=None) | Q(temperature__range=(0, 2)))
                & (Q(top_p=None) | Q(top_p__range=(0, 1)))
                & (Q(presence_penalty=None) | Q(presence_penalty__range=(-2, 2)))
                & (Q(frequency_penalty=None) | Q(frequency_penalty__range=(-2, 2)))
                & (Q(max_tokens=None) | Q(max_tokens__range=(1, 1_000_000))),
                name="%(class)s_parameters_in_range",
            ),
        )

    def parameters(self) -> dict[str, Any]:
        """Those that are set, by name."""
        return {name: value for name in self.NAMES if (value := getattr(self, name)) is not None}


class RolePreset(Sampling):
    """A named system instruction a user picks. Site-wide without an owner; one row per language."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        related_name="role_presets",
        help_text=_("Empty: for everyone."),
    )
    slug = models.SlugField(_("slug"), max_length=60)
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default="en"
    )
    name = models.CharField(_("name"), max_length=60)
    icon = models.CharField(_("icon"), max_length=8, blank=True, help_text=_("One emoji."))
    description = models.CharField(_("description"), max_length=200, blank=True)
    instruction = models.TextField(_("instruction"), max_length=20_000)
    greeting = models.CharField(_("greeting"), max_length=300, blank=True)
    example_prompts = models.JSONField(
        _("example prompts"), default=list, blank=True, help_text=_('A list such as ["…", "…"].')
    )
    few_shot_turns = models.JSONField(
        _("example turns"),
        default=list,
        blank=True,
        help_text=_('A list of {"role": "user" or "assistant", "content": "…"}.'),
    )
    model = models.ForeignKey(
        ChatModel,
        models.SET_NULL,
        verbose_name=_("model"),
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: the user's own choice."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    shared = models.BooleanField(
        _("shared"), default=False, help_text=_("Everyone on this site may use it.")
    )
    position = models.PositiveIntegerField(_("position"), default=100)
    updated_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta(Sampling.Meta):
        verbose_name = _("role preset")
        verbose_name_plural = _("role presets")
        ordering = ("position", "name")
        constraints: ClassVar[tuple[models.BaseConstraint, ...]] = (
            *Sampling.Meta.constraints,
            models.UniqueConstraint(
                fields=["slug", "language"],
                condition=Q(owner=None),
                name="one_site_preset_per_slug_and_language",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class PresetVersion(models.Model):
    """What a role preset said at one time: every save that changes something adds the next number."""

    preset = models.ForeignKey(RolePreset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    content = models.JSONField(
        default=dict, help_text="The fields that people write, by name, as in an export."
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("version of a role preset")
        verbose_name_plural = _("versions of role presets")
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["preset", "number"], name="one_version_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.preset_id} {self.number}"


class InstructionVersion(models.Model):
    """Every text that somebody used as an instruction, once, so that what was sent can be shown as long as they stay.

    owner: whose account it goes with, whoever wrote it; empty for the site's own texts.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("instruction version")
        verbose_name_plural = _("instruction versions")
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "digest"], name="one_instruction_version_per_text"
            ),
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(owner=None),
                name="one_instruction_version_of_the_site_per_text",
            ),
        )

    def __str__(self) -> str:
        return self.digest[:12]
