"""Indexes for the sidebar, for what runs in a conversation, and for its first messages."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0002_role_presets"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="conversation",
            name="sidebar_order",
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("status", "running")),
                fields=["conversation"],
                name="running_in_conversation",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("archived", False)),
                fields=["owner", "-active_at", "id"],
                name="sidebar_order",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("parent", None)),
                fields=["conversation"],
                name="first_of_a_conversation",
            ),
        ),
    ]
