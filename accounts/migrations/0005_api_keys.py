"""API keys, their counters beside those of their people, and what a call of theirs was for."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_names_of_usage_columns"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "prefix",
                    models.CharField(
                        editable=False, max_length=12, unique=True, verbose_name="beginning"
                    ),
                ),
                ("secret_hash", models.CharField(editable=False, max_length=64)),
                (
                    "auth_epoch",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="The person's when the key was made."
                    ),
                ),
                ("scopes", models.JSONField(default=list, verbose_name="may be used to")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid until"),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked")),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last used"),
                ),
                (
                    "requests_per_day",
                    models.BigIntegerField(blank=True, null=True, verbose_name="requests a day"),
                ),
                (
                    "tokens_per_day",
                    models.BigIntegerField(blank=True, null=True, verbose_name="tokens a day"),
                ),
                (
                    "money_per_month",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        max_digits=14,
                        null=True,
                        verbose_name="money a month",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ("-created_at",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="usageperiod",
            name="one_row_per_period",
        ),
        migrations.AddField(
            model_name="reservation",
            name="alive_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="service",
            field=models.CharField(
                choices=[
                    ("chat", "answers"),
                    ("embeddings", "embeddings"),
                    ("transcription", "speech to text"),
                    ("speech", "text to speech"),
                    ("images", "images"),
                ],
                default="chat",
                max_length=13,
                verbose_name="service",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.AddField(
            model_name="reservation",
            name="api_key",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="reservations",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            model_name="usageperiod",
            name="api_key",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: of the person, whatever it was spent through.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="usage_periods",
                to="accounts.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="api_key",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="usage_records",
                to="accounts.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.AddConstraint(
            model_name="usageperiod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("api_key", None)),
                fields=("user", "kind", "start"),
                name="one_row_per_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="usageperiod",
            constraint=models.UniqueConstraint(
                fields=("api_key", "kind", "start"), name="one_row_per_period_of_a_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("requests_per_day__isnull", True),
                    ("requests_per_day__gte", 0),
                    _connector="OR",
                ),
                name="key_requests_per_day_not_negative",
                violation_error_message="A limit is zero or more, or empty for none.",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("tokens_per_day__isnull", True), ("tokens_per_day__gte", 0), _connector="OR"
                ),
                name="key_tokens_per_day_not_negative",
                violation_error_message="A limit is zero or more, or empty for none.",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("money_per_month__isnull", True), ("money_per_month__gte", 0), _connector="OR"
                ),
                name="key_money_per_month_not_negative",
                violation_error_message="A limit is zero or more, or empty for none.",
            ),
        ),
    ]
