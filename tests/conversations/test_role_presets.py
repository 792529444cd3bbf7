"""The role presets that every site starts with."""

from __future__ import annotations

from collections import Counter

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from accounts.models import Plan
from conversations.models import RolePreset

SHIPPED = [("accounts", "0002_plans"), ("conversations", "0002_role_presets")]
BEFORE = [("accounts", "0001_initial"), ("conversations", "0001_initial")]


@pytest.fixture
def presets(db: None) -> list[RolePreset]:
    return list(RolePreset.objects.filter(owner=None))


def test_at_least_eight_in_both_languages(presets: list[RolePreset]) -> None:
    languages = Counter(preset.language for preset in presets)
    assert languages["en"] == languages["zh-hans"] >= 8
    slugs = {preset.slug for preset in presets if preset.language == "en"}
    assert slugs == {preset.slug for preset in presets if preset.language == "zh-hans"}
    assert {"translator", "code-reviewer", "interviewer"} <= slugs


def test_each_is_rich(presets: list[RolePreset]) -> None:
    for preset in presets:
        preset.full_clean()
        assert preset.name, preset
        assert preset.description, preset
        assert preset.greeting, preset
        assert len(preset.example_prompts) == 2, preset
        assert all(preset.example_prompts), preset
        if preset.language == "en":
            assert len(preset.instruction.split()) >= 80, preset
        else:
            assert sum("一" <= character <= "鿿" for character in preset.instruction) >= 160, preset


def test_no_two_say_the_same(presets: list[RolePreset]) -> None:
    for texts in (
        [preset.instruction for preset in presets],
        [preset.greeting for preset in presets],
        [prompt for preset in presets for prompt in preset.example_prompts],
    ):
        assert len(texts) == len(set(texts))


def test_they_can_be_edited_in_the_admin(presets: list[RolePreset], sasha_client: Client) -> None:
    preset = RolePreset.objects.get(slug="translator", language="en")
    address = f"/admin/conversations/rolepreset/{preset.pk}/change/"
    page = sasha_client.get(address)
    assert page.status_code == 200
    form = page.context["adminform"].form
    data = {name: "" if value is None else value for name, value in form.initial.items()}
    data |= {"example_prompts": '["One?"]', "few_shot_turns": "[]", "instruction": "Only this."}
    assert sasha_client.post(address, data).status_code == 302
    preset.refresh_from_db()
    assert (preset.instruction, preset.example_prompts) == ("Only this.", ["One?"])
    assert preset.temperature == pytest.approx(0.3)


@pytest.mark.django_db(transaction=True)
def test_what_is_shipped_can_be_taken_back() -> None:
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate(BEFORE)
        assert not RolePreset.objects.exists()
        assert not Plan.objects.exists()
        MigrationExecutor(connection).migrate(SHIPPED)
        assert RolePreset.objects.count() >= 16
        assert Plan.objects.count() == 2
    finally:
        MigrationExecutor(connection).migrate(latest)
        call_command("flush", interactive=False, verbosity=0)
