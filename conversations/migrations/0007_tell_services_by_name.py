"""Models that are already listed: what those do of which the name tells it."""

import re
from typing import Any

from django.db import migrations

SERVICES = (
    ("embed", "embeddings"),
    ("whisper|transcri", "transcription"),
    ("tts|speech", "speech"),
    ("dall-e|image", "images"),
)


def tell(apps: Any, schema_editor: Any) -> None:
    models = apps.get_model("conversations", "ChatModel")
    for model in models.objects.filter(enabled=False):
        for pattern, service in SERVICES:
            if re.search(pattern, model.name, re.IGNORECASE):
                models.objects.filter(pk=model.pk).update(service=service)
                break


class Migration(migrations.Migration):
    dependencies = [("conversations", "0006_services_of_models")]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop)]
