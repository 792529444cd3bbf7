"""What a model does: only those that answer are offered in the chat."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0005_index_what_a_person_deleted"),
    ]

    operations = [
        migrations.AddField(
            model_name="chatmodel",
            name="service",
            field=models.CharField(
                choices=[
                    ("chat", "answers"),
                    ("embeddings", "embeddings"),
                    ("transcription", "speech to text"),
                    ("speech", "text to speech"),
                    ("images", "images"),
                ],
                default="chat",
                help_text="Only models that answer are offered in the chat; programs ask for the others.",
                max_length=13,
                verbose_name="what it does",
            ),
        ),
    ]
