"""Folders, tags, undo of deleting, comparisons, feedback, and versions of role presets."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0003_index_what_pages_look_up"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Folder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
            ],
            options={
                "verbose_name": "folder",
                "verbose_name_plural": "folders",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="PresetVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "content",
                    models.JSONField(
                        default=dict,
                        help_text="The fields that people write, by name, as in an export.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "version of a role preset",
                "verbose_name_plural": "versions of role presets",
                "ordering": ("-number",),
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=40, verbose_name="name")),
            ],
            options={
                "verbose_name": "tag",
                "verbose_name_plural": "tags",
                "ordering": ("name",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="message",
            name="only_answers_have_a_state",
        ),
        migrations.RemoveIndex(
            model_name="conversation",
            name="sidebar_order",
        ),
        migrations.AddField(
            model_name="conversation",
            name="deleted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When its owner deleted it; kept a little while for Undo.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="preset_variables",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What the preset's {{variables}} stand for here, by name.",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="comparison",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="feedback",
            field=models.CharField(
                blank=True,
                choices=[("", "none"), ("up", "good answer"), ("down", "bad answer")],
                default="",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="rolepreset",
            name="shared",
            field=models.BooleanField(
                default=False, help_text="Everyone on this site may use it.", verbose_name="shared"
            ),
        ),
        migrations.AddField(
            model_name="rolepreset",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, verbose_name="last changed"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role", "assistant"),
                    models.Q(
                        ("comparison", None),
                        ("error_code", ""),
                        ("feedback", ""),
                        ("reasoning", ""),
                        ("status", "complete"),
                    ),
                    _connector="OR",
                ),
                name="only_answers_have_a_state",
            ),
        ),
        migrations.AddField(
            model_name="folder",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="folders",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="folder",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="conversations",
                to="conversations.folder",
            ),
        ),
        migrations.AddField(
            model_name="presetversion",
            name="preset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="versions",
                to="conversations.rolepreset",
            ),
        ),
        migrations.AddField(
            model_name="tag",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tags",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="tags",
            field=models.ManyToManyField(
                blank=True, related_name="conversations", to="conversations.tag"
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("archived", False), ("deleted_at", None)),
                fields=["owner", "-active_at", "id"],
                name="sidebar_order",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("archived", True), ("deleted_at", None)),
                fields=["owner", "-active_at", "id"],
                name="archive_order",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["deleted_at"],
                name="deleted_conversations",
            ),
        ),
        migrations.AddConstraint(
            model_name="folder",
            constraint=models.UniqueConstraint(
                fields=("owner", "name"), name="one_folder_per_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="presetversion",
            constraint=models.UniqueConstraint(
                fields=("preset", "number"), name="one_version_per_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.UniqueConstraint(fields=("owner", "name"), name="one_tag_per_name"),
        ),
    ]
