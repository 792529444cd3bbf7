"""Role presets to a file and from one: all or nothing, twice the same, never a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations import preset_files, presets
from conversations.models import PresetVersion, RolePreset

COMMON = 'act,prompt\n"Linux Terminal","I want you to act as a linux terminal."\nPoet,"Two\nlines, ""quoted"""\n'


def upload(client: Client, content: bytes | str) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("presets.txt", raw)
    return client.post("/presets/import/", {"file": file})


def document(*rows: Any, **changes: Any) -> str:
    whole = {"format": "chatsite-role-presets", "version": 1, "presets": rows} | changes
    return json.dumps(whole)


@pytest.fixture
def tutor(alice: User) -> RolePreset:
    preset = RolePreset(
        owner=alice,
        name="Tutor",
        icon="🦉",
        instruction="教{{主题}}。\nAsk first.",
        example_prompts=["Why?"],
        few_shot_turns=[
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "Guess."},
        ],
        temperature=1,
        max_tokens=99,
    )
    presets.save_preset(preset)
    return preset


def test_json_there_and_back(
    alice_client: Client, bob: User, bob_client: Client, tutor: RolePreset
) -> None:
    response = alice_client.get("/presets/export/")
    assert response["Content-Disposition"] == 'attachment; filename="role-presets.json"'
    assert json.loads(response.content)["version"] == 1
    one = alice_client.get(f"/presets/{tutor.pk}/export/")
    assert one["Content-Disposition"] == 'attachment; filename="tutor.json"'
    assert one.content == response.content
    for _twice in range(2):
        assert upload(bob_client, response.content).status_code == 303
        assert upload(alice_client, response.content).status_code == 303
    copy = RolePreset.objects.get(owner=bob)
    assert RolePreset.objects.filter(owner__isnull=False).count() == 2
    for name in ("icon", "instruction", "example_prompts", "few_shot_turns", "temperature"):
        assert getattr(copy, name) == getattr(tutor, name)
    assert not copy.shared
    assert PresetVersion.objects.get(preset=copy).number == 1


def test_the_common_csv(alice: User, alice_client: Client) -> None:
    assert upload(alice_client, COMMON).status_code == 303
    page = alice_client.get("/presets/").content.decode()
    assert "2 role presets have been imported." in page
    assert RolePreset.objects.get(owner=alice, name="Poet").instruction == 'Two\nlines, "quoted"'
    upload(alice_client, "\ufeff" + COMMON + "Third,Be.\n\nThird,Be.\n")
    page = alice_client.get("/presets/").content.decode()
    assert "1 role preset has been imported. 3 were there already." in page
    assert RolePreset.objects.filter(owner=alice).count() == 3


def test_other_columns_and_long_names(alice: User, alice_client: Client) -> None:
    long = "A very long act " * 5
    upload(alice_client, f"act,for_devs,prompt\n{long},TRUE,Be long.\n")
    made = RolePreset.objects.get(owner=alice)
    assert len(made.name) == 60
    assert (made.description, made.instruction) == (long.strip(), "Be long.")


@pytest.mark.parametrize("name", ["=1+1", "+a", "-a", "@a", "'=a", "'a", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(alice: User, alice_client: Client, name: str) -> None:
    presets.save_preset(RolePreset(owner=alice, name=name, instruction=f"{name} is the name."))
    content = alice_client.get("/presets/export/?format=csv").content
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0] == ["act", "prompt"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert upload(alice_client, content).status_code == 303
    assert RolePreset.objects.get(owner=alice).name == name


ROW = {"name": "Fine", "instruction": "Be."}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a file of role presets"),
        (document(ROW, format="other"), "not a file of role presets"),
        (document(ROW, version=2), "version that this site does not know"),
        (document(ROW, presets={}), "not a file of role presets"),
        ("name,text\na,b\n", "columns act and prompt"),
        ('act,prompt\n"open', "not a CSV file: line 2"),
        ("x" * (1024 * 1024 + 1), "at most 1 MB"),
        ("act,prompt\n" + "a,b\n" * 501, "more than 500"),
        ("act,prompt\nFine,Be.\n,Be.\n", "row 3: act: This field cannot be blank."),
        ("act,prompt\nFine,Be.\nNo prompt\n", "row 3: prompt: This field cannot be blank."),
        (document(ROW, 7), "row 2: This is not an object"),
        (document(ROW, ROW | {"nmae": "x"}), "row 2: There is no field nmae."),
        (document(ROW, ROW | {"\ud800": "x"}), "row 2: There is no field ?."),
        (document(ROW, ROW | {"name": 7}), "row 2: name: This has to be a text."),
        (document(ROW, ROW | {"name": "\u202e\u200b"}), "row 2: name: This field cannot be blank."),
        (document(ROW, ROW | {"name": "x" * 61}), "row 2: name: At most 60 characters."),
        (document(ROW, ROW | {"temperature": 9}), "row 2: temperature: Ensure this value"),
        (document(ROW, ROW | {"temperature": True}), "row 2: temperature: This has to be a number"),
        (document(ROW, ROW | {"top_p": float("nan")}), "row 2: top_p: "),
        (document(ROW, ROW | {"max_tokens": 1.5}), "row 2: max_tokens: "),
        (document(ROW, ROW | {"max_tokens": 1e400}), "row 2: max_tokens: "),
        (document(ROW, ROW | {"max_tokens": 10**400}), "row 2: max_tokens: "),
        (document(ROW, ROW | {"instruction": "\ud800"}), "row 2: instruction: This contains"),
        (document(ROW, ROW | {"greeting": "\x00"}), "row 2: greeting: This contains"),
        (document(ROW, ROW | {"example_prompts": "x"}), "row 2: example_prompts: This has to be"),
        (document(ROW, ROW | {"few_shot_turns": [ROW]}), "row 2: few_shot_turns: Write a list"),
        (
            document(ROW, ROW | {"few_shot_turns": [{"role": [], "content": "x"}]}),
            "row 2: few_shot_turns: Write a list",
        ),
        ("act" + "," * 200_000 + "prompt\n" + "x\n" * 300_000, "more than 500"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    alice: User, alice_client: Client, content: bytes | str, sentence: str
) -> None:
    response = upload(alice_client, content)
    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert not RolePreset.objects.filter(owner=alice).exists()


def test_only_the_first_problems_are_listed(alice_client: Client) -> None:
    page = upload(alice_client, "act,prompt\n" + "a,\n" * 70).content.decode()
    assert "row 51: " in page
    assert "row 52: " not in page
    assert "and 20 more" in page


def test_no_file(alice_client: Client) -> None:
    response = alice_client.post("/presets/import/")
    assert response.status_code == 400
    assert "This field is required." in response.content.decode()


def test_no_more_than_one_may_keep(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "MOST_OWN", 1)
    response = upload(alice_client, COMMON)
    assert response.status_code == 400
    assert "at most 1 role presets" in response.content.decode()
    assert not RolePreset.objects.filter(owner=alice).exists()


def test_a_model_that_is_not_here(alice: User, alice_client: Client) -> None:
    for _twice in range(2):
        assert upload(alice_client, document(ROW | {"model": "gpt-elsewhere"})).status_code == 303
    assert RolePreset.objects.get(owner=alice).model is None


def test_costs_the_same_for_three_and_for_thirty(alice_client: Client) -> None:
    def queries(start: int, count: int) -> int:
        rows = "".join(f"Number {start + number},Be.\n" for number in range(count))
        with CaptureQueriesContext(connection) as captured:
            assert upload(alice_client, "act,prompt\n" + rows).status_code == 303
        return len(captured)

    assert queries(0, 3) == queries(100, 30)


@pytest.mark.parametrize(
    "name",
    ['"; filename="evil.exe', "a\r\nSet-Cookie: b=c", "../../etc/passwd", "\u202egnp.exe", "图"],
)
def test_no_name_gets_into_the_headers(alice: User, alice_client: Client, name: str) -> None:
    preset = RolePreset(owner=alice, name=name, instruction="Teach.")
    presets.save_preset(preset)
    response = alice_client.get(f"/presets/{preset.pk}/export/")
    assert re.fullmatch(r'attachment; filename="[\w-]+\.json"', response["Content-Disposition"])
    assert not response.cookies
    assert response["X-Content-Type-Options"] == "nosniff"


def test_strangers_and_wrong_methods(bob_client: Client, tutor: RolePreset) -> None:
    assert bob_client.get(f"/presets/{tutor.pk}/export/").status_code == 404
    assert json.loads(bob_client.get("/presets/export/").content)["presets"] == []
    assert bob_client.post("/presets/export/").status_code == 405
    assert bob_client.put("/presets/import/").status_code == 405
    tutor.shared = True
    presets.save_preset(tutor)
    assert bob_client.get(f"/presets/{tutor.pk}/export/").status_code == 200


def test_what_is_read_is_what_was_written() -> None:
    rows = [{"name": "a", "instruction": "'=b"}, {"name": "-a", "instruction": "''x"}]
    found = preset_files.read_file(preset_files.as_csv(rows).encode())
    assert [{key: one[key] for key in ("name", "instruction")} for one in found.contents] == rows
