"""Names for what the administration shows of usage; nothing changes in the database."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_appearance_and_keys"),
    ]

    operations = [
        migrations.AlterField(
            model_name="usageperiod",
            name="kind",
            field=models.CharField(
                choices=[("day", "day"), ("month", "month")], max_length=5, verbose_name="period"
            ),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="reserved_money",
            field=models.DecimalField(
                decimal_places=8, default=0, max_digits=18, verbose_name="reserved money"
            ),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="reserved_requests",
            field=models.BigIntegerField(default=0, verbose_name="reserved requests"),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="reserved_tokens",
            field=models.BigIntegerField(default=0, verbose_name="reserved tokens"),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="start",
            field=models.DateField(
                help_text="First day of the period, in the site's time zone.", verbose_name="start"
            ),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="used_money",
            field=models.DecimalField(
                decimal_places=8, default=0, max_digits=18, verbose_name="used money"
            ),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="used_requests",
            field=models.BigIntegerField(default=0, verbose_name="used requests"),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="used_tokens",
            field=models.BigIntegerField(default=0, verbose_name="used tokens"),
        ),
        migrations.AlterField(
            model_name="usageperiod",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="usage_periods",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="actor",
            field=models.CharField(
                blank=True,
                help_text="Of a reset: who did it.",
                max_length=150,
                verbose_name="reset by",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="completion_id",
            field=models.UUIDField(null=True, unique=True, verbose_name="completion"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="day",
            field=models.DateField(verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="estimated",
            field=models.BooleanField(
                default=False,
                help_text="The endpoint reported no sane usage; these are our counts.",
                verbose_name="estimated",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[("day", "day"), ("month", "month")],
                help_text="Of a reset: the one kind of period it applies to.",
                max_length=5,
                verbose_name="period",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="model_name",
            field=models.CharField(blank=True, max_length=200, verbose_name="model name"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="money",
            field=models.DecimalField(
                decimal_places=8, default=0, max_digits=18, verbose_name="money"
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="month",
            field=models.DateField(verbose_name="month"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("complete", "complete"),
                    ("stopped", "stopped"),
                    ("failed", "failed"),
                    ("interrupted", "interrupted"),
                    ("reset", "reset"),
                ],
                max_length=11,
                verbose_name="outcome",
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="reason",
            field=models.CharField(blank=True, max_length=200, verbose_name="reason"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="recorded_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, verbose_name="recorded at"
            ),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="requests",
            field=models.BigIntegerField(default=0, verbose_name="requests"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="seconds_to_first_token",
            field=models.FloatField(null=True, verbose_name="seconds to the first word"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="tokens_cached",
            field=models.BigIntegerField(default=0, verbose_name="tokens cached"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="tokens_in",
            field=models.BigIntegerField(default=0, verbose_name="tokens in"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="tokens_out",
            field=models.BigIntegerField(default=0, verbose_name="tokens out"),
        ),
        migrations.AlterField(
            model_name="usagerecord",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="usage_records",
                to=settings.AUTH_USER_MODEL,
                verbose_name="user",
            ),
        ),
    ]
