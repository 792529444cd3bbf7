"""The sums of each day, which pages about usage read instead of the ledger. 0009 fills them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_last_use_of_chatapi_passes"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyUsage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "service",
                    models.CharField(
                        choices=[
                            ("chat", "answers"),
                            ("embeddings", "embeddings"),
                            ("transcription", "speech to text"),
                            ("speech", "text to speech"),
                            ("images", "images"),
                        ],
                        max_length=13,
                    ),
                ),
                ("model_name", models.CharField(blank=True, max_length=200)),
                (
                    "kind",
                    models.CharField(
                        blank=True, choices=[("day", "day"), ("month", "month")], max_length=5
                    ),
                ),
                ("calls", models.BigIntegerField(default=0)),
                ("errors", models.BigIntegerField(default=0)),
                ("requests", models.BigIntegerField(default=0)),
                ("tokens_in", models.BigIntegerField(default=0)),
                ("tokens_out", models.BigIntegerField(default=0)),
                ("tokens_cached", models.BigIntegerField(default=0)),
                ("money", models.DecimalField(decimal_places=8, default=0, max_digits=18)),
                ("first_tokens", models.BigIntegerField(default=0)),
                ("first_tokens_seconds", models.FloatField(default=0)),
                ("first_tokens_in_1s", models.BigIntegerField(default=0)),
                ("first_tokens_in_5s", models.BigIntegerField(default=0)),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="daily_usage",
                        to="accounts.apikey",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="daily_usage",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "usage of a day",
                "verbose_name_plural": "usage",
                "indexes": [models.Index(fields=["day"], name="daily_usage_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("api_key", None)),
                        fields=("user", "day", "service", "model_name", "kind"),
                        name="one_row_per_day",
                    ),
                    models.UniqueConstraint(
                        fields=("api_key", "day", "service", "model_name", "kind"),
                        name="one_row_per_day_of_a_key",
                    ),
                ],
            },
        ),
    ]
