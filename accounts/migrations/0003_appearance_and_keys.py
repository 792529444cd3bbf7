"""How the site looks to a person and which keys they use."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_plans"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="high_contrast",
            field=models.BooleanField(default=False, verbose_name="high contrast"),
        ),
        migrations.AddField(
            model_name="user",
            name="send_key",
            field=models.CharField(
                choices=[
                    ("enter", "Enter sends, Shift+Enter begins a new line"),
                    ("control-enter", "Ctrl+Enter (or ⌘+Enter) sends, Enter begins a new line"),
                ],
                default="enter",
                max_length=13,
                verbose_name="sending",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="shortcuts",
            field=models.BooleanField(default=True, verbose_name="keyboard shortcuts"),
        ),
        migrations.AddField(
            model_name="user",
            name="theme",
            field=models.CharField(
                choices=[("system", "As the device is set"), ("light", "Light"), ("dark", "Dark")],
                default="system",
                max_length=6,
                verbose_name="appearance",
            ),
        ),
    ]
