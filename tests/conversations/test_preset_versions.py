"""The versions of a role preset: what changed from one to the next, and back to one of them."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations import presets
from conversations.models import PresetVersion, RolePreset
from conversations.preset_content import content_of
from conversations.views import preset_versions

from .test_presets import FULL


@pytest.fixture
def tutor(alice: User) -> RolePreset:
    """With three versions."""
    preset = RolePreset(owner=alice, name="Tutor", instruction="Teach kindly. Ask first.")
    presets.save_preset(preset)
    preset.instruction, preset.temperature = "Teach. Ask first.", 0.5
    presets.save_preset(preset)
    preset.example_prompts = ["Why?", "<b>How</b>?"]
    preset.few_shot_turns = [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Guess."},
    ]
    presets.save_preset(preset)
    return preset


def text_of(html: str) -> str:
    """What a screen reader says of a page."""
    body = html.split("</h1>")[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", "", body).split())


def test_each_with_what_changed(alice_client: Client, tutor: RolePreset) -> None:
    html = alice_client.get(f"/presets/{tutor.pk}/versions/").content.decode()
    assert "<del>" in html
    assert "<ins>" in html
    assert "&lt;b&gt;How" in html
    assert "<b>How" not in html
    words = text_of(html)
    assert "[removed: Teach kindly][added: Teach]. Ask first." in words
    assert "Temperature [added: 0.5]" in words
    assert "Question: Why?" in words
    assert words.index("Version 3") < words.index("Version 2") < words.index("Version 1")
    assert "Restore version 3" not in html
    assert "Restore version 1" in html


def test_restoring_is_a_new_version(alice_client: Client, tutor: RolePreset) -> None:
    url = f"/presets/{tutor.pk}/versions/"
    response = alice_client.post(f"{url}1/restore/")
    assert (response.status_code, response["Location"]) == (303, url)
    tutor.refresh_from_db()
    assert tutor.instruction == "Teach kindly. Ask first."
    assert (tutor.temperature, tutor.example_prompts, tutor.few_shot_turns) == (None, [], [])
    assert tutor.versions.count() == 4
    assert "Version 1 has been restored." in alice_client.get(url).content.decode()


def test_there_may_be_none(alice: User, alice_client: Client) -> None:
    old = RolePreset.objects.create(owner=alice, name="Old", instruction="Be.")
    page = alice_client.get(f"/presets/{old.pk}/versions/").content.decode()
    assert "There are no versions yet." in page


def test_many_come_in_pages_at_the_same_cost(
    alice_client: Client, tutor: RolePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/presets/{tutor.pk}/versions/"

    def numbers(query: str = "") -> tuple[list[int], int]:
        with CaptureQueriesContext(connection) as captured:
            response = alice_client.get(url + query)
        return [version.number for version in response.context["versions"]], len(captured)

    few, cost = numbers()
    content = content_of(tutor)
    PresetVersion.objects.bulk_create(
        PresetVersion(preset=tutor, number=number, content=content | {"greeting": str(number)})
        for number in range(4, 24)
    )
    assert (few, numbers()) == ([3, 2, 1], (list(range(23, 13, -1)), cost))
    assert numbers("?before=14")[0] == list(range(13, 3, -1))
    assert numbers("?before=4")[0] == [3, 2, 1]
    assert numbers("?before=x")[0] == numbers("?before=²")[0] == numbers()[0]
    monkeypatch.setattr(preset_versions, "AT_ONCE", 3)
    assert "?before=21" in alice_client.get(url).content.decode()


def test_a_page_of_what_takes_long_to_match_comes_soon(
    alice_client: Client, tutor: RolePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its comparisons share one bound; those for which nothing is left show both texts."""
    monkeypatch.setattr(preset_versions, "MOST_STEPS", 400)
    words = [f"word{number}" for number in range(30)]
    for turn in range(4):
        tutor.instruction = " ".join(words[turn % 2 :: 1 + turn % 2])
        presets.save_preset(tutor)
    shown = alice_client.get(f"/presets/{tutor.pk}/versions/").context["versions"]
    newest, older = shown[0].changes[0].pieces, shown[2].changes[0].pieces
    assert "same" in {piece.kind for piece in newest}
    assert [piece.kind for piece in older] == ["removed", "added"]


def test_strangers(bob_client: Client, sasha_client: Client, tutor: RolePreset) -> None:
    tutor.shared = True
    presets.save_preset(tutor)
    for client in (bob_client, sasha_client):
        assert client.get(f"/presets/{tutor.pk}/versions/").status_code == 404
        assert client.post(f"/presets/{tutor.pk}/versions/1/restore/").status_code == 404


def test_what_is_not_there_and_wrong_methods(alice_client: Client, tutor: RolePreset) -> None:
    url = f"/presets/{tutor.pk}/versions/"
    assert alice_client.post(f"{url}9/restore/").status_code == 404
    assert alice_client.get(f"{url}1/restore/").status_code == 405
    assert alice_client.post(url).status_code == 405


def test_the_sites_presets_are_the_staffs(
    alice_client: Client, sasha_client: Client, db: None
) -> None:
    """A save in the admin leaves a version, too; its page has a link to the preset's, and that to its versions."""
    site = RolePreset.objects.get(slug="translator", language="en")
    before = site.instruction
    admin = f"/admin/conversations/rolepreset/{site.pk}/change/"
    form = sasha_client.get(admin).context["adminform"].form
    data = {name: "" if value is None else value for name, value in form.initial.items()}
    data |= {"example_prompts": '["One?"]', "few_shot_turns": "[]", "instruction": "Only this."}
    assert sasha_client.post(admin, data).status_code == 302
    assert site.versions.count() == 2
    assert f"/presets/{site.pk}/" in sasha_client.get(admin).content.decode()
    url = f"/presets/{site.pk}/versions/"
    assert url in sasha_client.get(f"/presets/{site.pk}/").content.decode()
    assert url not in alice_client.get(f"/presets/{site.pk}/").content.decode()
    assert alice_client.get(url).status_code == 404
    assert "Only this" in sasha_client.get(url).content.decode()
    assert sasha_client.post(f"{url}1/restore/").status_code == 303
    site.refresh_from_db()
    assert site.instruction == before


# --- Which are kept --------------------------------------------------------------------------------------------------


def versions(preset: RolePreset) -> list[int]:
    return list(PresetVersion.objects.filter(preset=preset).values_list("number", flat=True))


def test_a_save_that_changes_something_leaves_a_version(
    alice_client: Client, tutor: RolePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert versions(tutor) == [3, 2, 1]
    url = f"/presets/{tutor.pk}/"
    alice_client.post(url, FULL)
    alice_client.post(url, FULL)
    alice_client.post(url, FULL | {"shared": "on"})
    assert versions(tutor) == [4, 3, 2, 1]
    monkeypatch.setattr(presets, "MOST_VERSIONS", 2)
    alice_client.post(url, FULL | {"greeting": "Hello"})
    assert versions(tutor) == [5, 4]


def test_one_from_before_versions_keeps_what_it_said(alice: User, alice_client: Client) -> None:
    old = RolePreset.objects.create(owner=alice, name="Old", instruction="As it was.")
    alice_client.post(f"/presets/{old.pk}/", FULL)
    first = PresetVersion.objects.get(preset=old, number=1)
    assert (first.content["name"], first.content["instruction"]) == ("Old", "As it was.")
    assert versions(old) == [2, 1]
