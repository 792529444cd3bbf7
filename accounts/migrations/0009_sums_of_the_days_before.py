"""Fills the sums of each day from the ledger."""

from typing import Any

from django.db import migrations
from django.db.models import Count, Q, Sum

GROUP = ("user_id", "api_key_id", "day", "service", "model_name", "kind")
TOTALS = ("requests", "tokens_in", "tokens_out", "tokens_cached", "money")
seconds = "seconds_to_first_token"


def fill(apps: Any, schema_editor: Any) -> None:
    record = apps.get_model("accounts", "UsageRecord")
    daily = apps.get_model("accounts", "DailyUsage")
    sums = {
        "calls": Count("pk", filter=~Q(outcome="reset")),
        "errors": Count("pk", filter=Q(outcome__in=("failed", "interrupted"))),
        "first_tokens": Count(seconds),
        "first_tokens_in_1s": Count("pk", filter=Q(**{f"{seconds}__lte": 1})),
        "first_tokens_in_5s": Count("pk", filter=Q(**{f"{seconds}__lte": 5})),
        "first_tokens_seconds": Sum(seconds, default=0.0),
    }
    # Under other names: a sum must not hide the column that it adds up.
    totals = {f"total_{name}": Sum(name) for name in TOTALS}
    # A day's rows beside each other, as they are when every day adds its own: they are read by days.
    found = record.objects.order_by("day").values_list(*GROUP).annotate(**sums, **totals)
    names = (*GROUP, *sums, *TOTALS)
    daily.objects.bulk_create(
        (daily(**dict(zip(names, row, strict=True))) for row in found.iterator()), batch_size=500
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_sums_of_each_day"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
