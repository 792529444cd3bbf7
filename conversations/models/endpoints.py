"""Who serves models, and the models on offer."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import UsageRecord

from ..prices import Prices

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
        SPEECH = "speech", _("the speech in the box")

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
    service = models.CharField(
        _("what it does"),
        max_length=13,
        choices=[one for one in UsageRecord.Service.choices if one[0] != "titles"],
        default=UsageRecord.Service.CHAT,
        help_text=_(
            "Only models that answer are offered in the chat; programs ask for the others."
        ),
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
