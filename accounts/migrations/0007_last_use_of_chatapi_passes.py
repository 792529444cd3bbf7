"""When a ChatAPI pass was last used, as API keys have it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_chatapi_passes"),
    ]

    operations = [
        migrations.AddField(
            model_name="pass",
            name="last_used_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last used"),
        ),
    ]
