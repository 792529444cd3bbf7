"""Role presets by `/api/v1/`: whose they are, in which language, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from conversations.models import RolePreset
from tests.conversations.api.programs import NOBODY, Program, refused, reply


def preset(owner: User | None, name: str, **fields: Any) -> RolePreset:
    return RolePreset.objects.create(
        owner=owner, name=name, instruction=f"You are {{{{who}}}}, {name}.", **fields
    )


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_presets_page_by_page(alice: User, bob: User, limit: int) -> None:
    for name in ("B", "A"):
        preset(alice, name)
    preset(bob, "Shared", shared=True)
    preset(bob, "Hidden")
    found = Program(alice).items("presets", limit=limit)
    assert [row["name"] for row in found[:2]] == ["A", "B"]
    assert [row["source"] for row in found] == ["own"] * 2 + ["site"] * 8 + ["shared"]
    assert found[-1]["name"] == "Shared"
    assert len({row["id"] for row in found}) == 11


def test_presets_are_in_the_language_that_is_asked_for(alice: User) -> None:
    program = Program(alice)
    for language, expected in (("en", "en"), ("zh-hans", "zh-hans"), ("fr", "en")):
        rows = reply(program.get("presets", accept_language=language))["items"]
        assert {row["language"] for row in rows} == {expected}
        one = reply(program.get("presets/translator", accept_language=language))
        assert one["language"] == expected


def test_a_preset(alice: User) -> None:
    own = preset(alice, "Owl", greeting="Hoo", example_prompts=["Fly"], temperature=1.5, icon="🦉")
    own.few_shot_turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hoo"},
    ]
    own.save()
    found = reply(Program(alice).get(f"presets/{own.pk}"))
    assert (found["key"], found["id"], found["source"]) == (str(own.pk), str(own.pk), "own")
    assert (found["instruction"], found["variables"]) == ("You are {{who}}, Owl.", ["who"])
    assert (found["greeting"], found["example_prompts"]) == ("Hoo", ["Fly"])
    assert found["few_shot_turns"] == own.few_shot_turns
    assert (found["model"], found["parameters"]["temperature"]) == (None, 1.5)


def test_a_preset_of_the_site_by_key_and_id(alice: User) -> None:
    program = Program(alice)
    by_key = reply(program.get("presets/translator"))
    assert (by_key["key"], by_key["source"]) == ("translator", "site")
    assert reply(program.get(f"presets/{by_key['id']}")) == by_key


@pytest.mark.parametrize("key", ["nobody", "%00", str(NOBODY), "x" * 5000, "%F0%9F%A6%89"])
def test_presets_that_are_none(alice: User, key: str) -> None:
    assert refused(Program(alice).get(f"presets/{key}")) == (404, "not_found")


def test_strangers_presets(alice: User, bob: User) -> None:
    own = preset(bob, "Owl")
    program = Program(alice)
    assert refused(program.get(f"presets/{own.pk}")) == (404, "not_found")
    RolePreset.objects.filter(pk=own.pk).update(shared=True)
    assert reply(program.get(f"presets/{own.pk}"))["source"] == "shared"
