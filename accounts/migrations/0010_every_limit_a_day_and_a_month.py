"""Requests, tokens and money, each a day and a month, of plans and of API keys."""

from django.db import migrations, models
from django.db.models import Q


def count(name: str) -> models.BigIntegerField:
    return models.BigIntegerField(blank=True, null=True, verbose_name=name)


def money(name: str) -> models.DecimalField:
    return models.DecimalField(
        blank=True,
        decimal_places=6,
        help_text="In the currency of the models' prices.",
        max_digits=14,
        null=True,
        verbose_name=name,
    )


def not_negative(prefix: str, limit: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{limit}__isnull": True}) | Q(**{f"{limit}__gte": 0}),
        name=f"{prefix}_{limit}_not_negative",
        violation_error_message="A limit is zero or more, or empty for none.",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_sums_of_the_days_before"),
    ]

    operations = [
        migrations.AddField("plan", "requests_per_month", count("requests a month")),
        migrations.AddField("plan", "money_per_day", money("money a day")),
        migrations.AddConstraint("plan", not_negative("plan", "requests_per_month")),
        migrations.AddConstraint("plan", not_negative("plan", "money_per_day")),
        migrations.AddField("apikey", "requests_per_month", count("requests a month")),
        migrations.AddField("apikey", "tokens_per_month", count("tokens a month")),
        migrations.AddField("apikey", "money_per_day", money("money a day")),
        migrations.AlterField("apikey", "money_per_month", money("money a month")),
        migrations.AddConstraint("apikey", not_negative("key", "requests_per_month")),
        migrations.AddConstraint("apikey", not_negative("key", "tokens_per_month")),
        migrations.AddConstraint("apikey", not_negative("key", "money_per_day")),
    ]
