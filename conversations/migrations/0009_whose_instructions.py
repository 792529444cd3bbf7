"""Instructions that one person alone has used become that person's, and go with the account."""

from collections import defaultdict
from typing import Any

from django.db import migrations

AT_ONCE = 2000


def give(apps: Any, schema_editor: Any) -> None:
    used_by: dict[int, set[int]] = defaultdict(set)
    completions = apps.get_model("conversations", "Completion").objects.order_by()
    rows = completions.values_list("conversation__owner", "prompt")
    for owner, prompt in rows.iterator(chunk_size=AT_ONCE):
        names = [*prompt.get("instructions", [])]
        names += [prompt["few_shot"]] if "few_shot" in prompt else []
        for name in names:
            used_by[name].add(owner)
    versions = apps.get_model("conversations", "InstructionVersion").objects
    for name, owners in used_by.items():
        if len(owners) == 1:
            versions.filter(pk=name).update(owner=owners.pop())


def merge(apps: Any, schema_editor: Any) -> None:
    """Before a text may be there once only. What was sent with the others cannot be shown any more."""
    versions = apps.get_model("conversations", "InstructionVersion").objects.order_by("pk")
    seen: set[str] = set()
    for key, digest in list(versions.values_list("pk", "digest")):
        if digest in seen:
            versions.filter(pk=key).delete()
        seen.add(digest)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0008_owners_of_instructions")]

    operations = [migrations.RunPython(give, merge)]
