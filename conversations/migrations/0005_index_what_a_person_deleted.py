"""An index for what one person has deleted: without it SQLite reads all of that person's conversations."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0004_folders_tags_comparisons_and_preset_versions"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["owner", "-deleted_at"],
                name="deleted_by_owner",
            ),
        ),
    ]
