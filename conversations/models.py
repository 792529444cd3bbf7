"""Endpoints, models, role presets, conversations, messages and completions: fields, constraints, facts about one row.

A user's message never changes; an assistant's only grows, and only while a completion of it runs. Edits and
regenerated answers are siblings: messages form a tree, and a conversation shows the branch that ends in its leaf.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .prices import Prices

# Names of variables that may hold an endpoint's key: an administrator must not be able to send the site's own secrets.
KEY_VARIABLE = RegexValidator(
    r"^[A-Z][A-Z0-9_]*_(API|MODEL)_KEY$",
    _("The name of an environment variable that ends in _API_KEY, such as OPENAI_API_KEY."),
)


class Endpoint(models.Model):
    """An OpenAI-compatible server. Its key is never stored: the row names the environment variable that holds it."""

    class Source(models.TextChoices):
        ADMIN = "admin", _("added in the admin")
        ENVIRONMENT = "environment", _("from the environment")
        BOX = "box", _("the model in the box")

    name = models.CharField(_("name"), max_length=60, unique=True)
    source = models.CharField(
        _("source"), max_length=11, choices=Source, default=Source.ADMIN, editable=False
    )
    base_url = models.URLField(
        _("base address"), max_length=500, help_text=_("Such as https://api.openai.com/v1")
    )
    key_variable = models.CharField(
        _("key variable"),
        max_length=100,
        blank=True,
        validators=[KEY_VARIABLE],
        help_text=_("The name of the environment variable that holds the key, never the key."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    connect_seconds = models.FloatField(
        _("seconds to connect"), default=10, validators=[MinValueValidator(0.1)]
    )
    first_delta_seconds = models.FloatField(
        _("seconds to the first word"), default=60, validators=[MinValueValidator(0.1)]
    )
    silence_seconds = models.FloatField(
        _("seconds of silence"), default=60, validators=[MinValueValidator(0.1)]
    )
    total_seconds = models.FloatField(
        _("seconds in all"), default=1800, validators=[MinValueValidator(0.1)]
    )

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["source"], condition=~Q(source="admin"), name="one_endpoint_per_source"
            ),
        )

    def __str__(self) -> str:
        return self.name


class ChatModel(models.Model):
    """A model on offer: who serves it, what fits into it, what it costs."""

    class MaxTokensParameter(models.TextChoices):
        MAX_TOKENS = "max_tokens", "max_tokens"
        MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"

    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, verbose_name=_("endpoint"), related_name="chat_models"
    )
    name = models.CharField(
        _("model name"), max_length=200, help_text=_("As the endpoint knows it.")
    )
    label = models.CharField(
        _("label"), max_length=100, blank=True, help_text=_("As people see it; empty: the name.")
    )
    note = models.CharField(
        _("note"), max_length=200, blank=True, help_text=_("One line that is shown beside it.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    is_default = models.BooleanField(_("default"), default=False)
    context_window = models.PositiveIntegerField(
        _("context window"),
        default=8192,
        validators=[MinValueValidator(512)],
        help_text=_("Tokens that prompt and answer may take together."),
    )
    max_output_tokens = models.PositiveIntegerField(
        _("longest answer"),
        default=2048,
        validators=[MinValueValidator(16)],
        help_text=_("Tokens."),
    )
    max_tokens_parameter = models.CharField(
        _("name of the limit"),
        max_length=21,
        choices=MaxTokensParameter,
        default=MaxTokensParameter.MAX_COMPLETION_TOKENS,
    )
    dropped_parameters = models.JSONField(
        _("parameters it does not take"), default=list, blank=True
    )
    price_in = models.DecimalField(
        _("price in"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Per million tokens of the prompt."),
    )
    price_cached = models.DecimalField(
        _("price cached"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Per million tokens the endpoint had cached; empty: the price in."),
    )
    price_out = models.DecimalField(
        _("price out"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Per million tokens of the answer."),
    )
    sees_images = models.BooleanField(_("sees images"), default=False)

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ("endpoint", "name")
        constraints = (
            models.UniqueConstraint(fields=["endpoint", "name"], name="one_row_per_model"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_model"
            ),
            models.CheckConstraint(
                condition=Q(price_in__gte=0, price_out__gte=0), name="prices_not_negative"
            ),
        )

    def __str__(self) -> str:
        return self.label or self.name

    @property
    def prices(self) -> Prices:
        cached = self.price_in if self.price_cached is None else self.price_cached
        return Prices(prompt=self.price_in, cached=cached, answer=self.price_out)


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
    position = models.PositiveIntegerField(_("position"), default=100)

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


class InstructionVersion(models.Model):
    """Every text that was ever used as an instruction, once, so that what was sent can be shown for ever."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the text.")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("instruction version")
        verbose_name_plural = _("instruction versions")

    def __str__(self) -> str:
        return self.digest[:12]


class Conversation(Sampling):
    """A titled, ordered exchange owned by one user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("owner"),
        related_name="conversations",
    )
    title = models.CharField(_("title"), max_length=200)
    titled_by_person = models.BooleanField(default=False)
    preset = models.ForeignKey(
        RolePreset,
        models.SET_NULL,
        verbose_name=_("role preset"),
        null=True,
        blank=True,
        related_name="conversations",
    )
    model = models.ForeignKey(
        ChatModel,
        models.SET_NULL,
        verbose_name=_("model"),
        null=True,
        blank=True,
        related_name="conversations",
    )
    current_leaf = models.ForeignKey(
        "Message", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    pinned = models.BooleanField(_("pinned"), default=False)
    archived = models.BooleanField(_("archived"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    active_at = models.DateTimeField(_("last active"), default=timezone.now)

    class Meta(Sampling.Meta):
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-active_at",)
        indexes = (
            # A condition and not a column: `NOT archived`, as it is asked, is no equality to SQLite.
            models.Index(
                fields=["owner", "-active_at", "id"],
                condition=Q(archived=False),
                name="sidebar_order",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """One entry in a conversation. `parent` makes the tree; siblings are edits and regenerated answers."""

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        help_text="The conversation's owner, here so that a client id is unique per person.",
    )
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    role = models.CharField(max_length=9, choices=Role)
    content = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    reasoning_seconds = models.FloatField(null=True)
    status = models.CharField(max_length=11, choices=Status, default=Status.COMPLETE)
    error_code = models.CharField(max_length=64, blank=True)
    client_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = (
            models.Index(
                fields=["conversation"], condition=Q(parent=None), name="first_of_a_conversation"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "client_id"], name="one_message_per_client_id"
            ),
            models.CheckConstraint(
                condition=Q(role="assistant") | Q(status="complete", error_code="", reasoning=""),
                name="only_answers_have_a_state",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class Completion(models.Model):
    """One attempt by one model to answer. `completion.py` alone moves it on, by updates guarded on `running`."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="completions")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="completions")
    chat_model = models.ForeignKey(ChatModel, models.SET_NULL, null=True, related_name="+")
    model_name = models.CharField(max_length=200)
    parameters = models.JSONField(default=dict)
    status = models.CharField(max_length=11, choices=Status, default=Status.RUNNING)
    error_code = models.CharField(max_length=64, blank=True)
    stop_requested = models.BooleanField(default=False)
    start_position = models.PositiveIntegerField(
        default=0, help_text="Code points the message had before: more than none for Continue."
    )
    process = models.CharField(max_length=100, blank=True, help_text="Which process runs it.")
    heartbeat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    first_delta_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    tokens_cached = models.PositiveIntegerField(default=0)
    prompt = models.JSONField(
        default=dict,
        help_text="What was sent: instruction versions, first and last message, what was left out.",
    )

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        indexes = (
            models.Index(
                fields=["heartbeat_at"], condition=Q(status="running"), name="running_by_heartbeat"
            ),
            models.Index(
                fields=["conversation"],
                condition=Q(status="running"),
                name="running_in_conversation",
            ),
            models.Index(fields=["message", "-started_at"], name="attempts_of_a_message"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["message"], condition=Q(status="running"), name="one_running_per_message"
            ),
        )

    def __str__(self) -> str:
        return f"{self.status} {self.id}"
