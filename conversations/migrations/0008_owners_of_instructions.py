"""Every text that was used as an instruction belongs to whoever used it, so that it goes with the account."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0007_tell_services_by_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="instructionversion",
            name="owner",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="instructionversion",
            name="digest",
            field=models.CharField(help_text="SHA-256 of the text.", max_length=64),
        ),
        migrations.AddConstraint(
            model_name="instructionversion",
            constraint=models.UniqueConstraint(
                fields=("owner", "digest"), name="one_instruction_version_per_text"
            ),
        ),
        migrations.AddConstraint(
            model_name="instructionversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("owner", None)),
                fields=("digest",),
                name="one_instruction_version_of_the_site_per_text",
            ),
        ),
    ]
