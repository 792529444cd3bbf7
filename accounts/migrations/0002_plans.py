"""The two plans every site starts with. An administrator may change or delete them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PLANS = {
    "Unlimited": {},
    "Free": {"requests_per_day": 10, "is_default": True},
}


def add_plans(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    plans = apps.get_model("accounts", "Plan").objects.using(schema_editor.connection.alias)
    for name, limits in PLANS.items():
        plans.get_or_create(name=name, defaults=limits)


def remove_plans(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    plans = apps.get_model("accounts", "Plan").objects.using(schema_editor.connection.alias)
    plans.filter(name__in=PLANS).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(add_plans, remove_plans)]
