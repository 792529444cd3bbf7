"""The variables of a role preset: found in its instruction, kept with the conversation, filled in when it is sent."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import User
from conversations.models import Conversation, InstructionVersion, RolePreset
from conversations.variables import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_VARIABLES,
    fill,
    used_in,
    variables_in,
)
from tests.conversations.talk import Reply, Talk
from tests.upstream import Upstream

INSTRUCTION = "Teach {{topic}} to {{ who }}, and only {{topic}}."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("Nothing here, {not} {{}} {{ }} here", []),
        ("{{topic}} {{ topic }} {{level}}", ["topic", "level"]),
        ("教{{主题}}，{{نبرة}} و {{रिश्ता}}", ["主题", "نبرة", "रिश्ता"]),
        ("{{first name}} {{two\nlines}}", ["first name"]),
        ("{{a {{b}} c}} {{{d}}}", ["b", "d"]),
        ("{{" + "x" * (LONGEST_NAME + 1) + "}}", []),
        ("{{" * 50_000, []),
        (
            "".join(f"{{{{{number}}}}}" for number in range(99)),
            [str(number) for number in range(MOST_VARIABLES)],
        ),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert variables_in(text) == names


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        ({"topic": "tea", "who": "a child"}, "Teach tea to a child, and only tea."),
        ({"topic": "tea"}, "Teach tea to {{ who }}, and only tea."),
        ({"topic": " \n", "who": "me"}, "Teach {{topic}} to me, and only {{topic}}."),
        ({"topic": "{{who}}", "who": r"\1"}, r"Teach {{who}} to \1, and only {{who}}."),
        ({"other": "no"}, INSTRUCTION),
    ],
)
def test_filling(values: dict[str, str], filled: str) -> None:
    assert fill(INSTRUCTION, values) == filled
    assert list(used_in(INSTRUCTION, values)) == [
        name for name in ("topic", "who") if values.get(name, "").strip()
    ]


@pytest.fixture
def teacher(alice: User) -> RolePreset:
    return RolePreset.objects.create(
        owner=alice, slug="teacher", name="Teacher", instruction=INSTRUCTION
    )


def system(upstream: Upstream) -> str:
    return str(upstream.chats[-1].body["messages"][0]["content"])


def stored(reply: Reply) -> Conversation:
    return Conversation.objects.get(pk=reply.body["conversation"])


def test_what_is_sent_and_what_is_recorded(
    talk: Talk, upstream: Upstream, teacher: RolePreset
) -> None:
    values = {"topic": "tea", "who": "a child", "unknown": "dropped"}
    reply = talk.send("Begin", preset=str(teacher.pk), variables=values)
    talk.finish(reply)
    assert system(upstream) == "Teach tea to a child, and only tea."
    assert stored(reply).preset_variables == {"topic": "tea", "who": "a child"}
    record = reply.completion.prompt
    assert record["variables"] == {"topic": "tea", "who": "a child"}
    texts = InstructionVersion.objects.filter(pk__in=record["instructions"])
    assert [version.text for version in texts] == [INSTRUCTION]


def test_they_stay_for_what_follows(talk: Talk, upstream: Upstream, teacher: RolePreset) -> None:
    first = talk.send("Begin", preset=str(teacher.pk), variables={"topic": "tea"})
    talk.finish(first)
    assert system(upstream) == "Teach tea to {{ who }}, and only tea."
    conversation = str(first.body["conversation"])
    talk.ask("Go on", conversation, variables={"who": "me"})
    assert system(upstream) == "Teach tea to me, and only tea."
    talk.finish(talk.post(f"/completions/{first.body['completion']}/regenerate/"))
    assert system(upstream) == "Teach tea to me, and only tea."


def test_settings_change_them(talk: Talk, upstream: Upstream, teacher: RolePreset) -> None:
    reply = talk.send("Begin")
    talk.finish(reply)
    url = f"/c/{reply.body['conversation']}/settings/"
    given: dict[str, Any] = {"preset": str(teacher.pk), "variables": {"topic": "tea", "who": "me"}}
    assert talk.post(url, given).status == 200
    assert stored(reply).preset_variables == {"topic": "tea", "who": "me"}
    assert talk.post(url, {"variables": {"who": ""}}).status == 200
    assert stored(reply).preset_variables == {"topic": "tea"}
    assert talk.post(url, {"temperature": 1}).status == 200
    assert stored(reply).preset_variables == {"topic": "tea"}
    assert talk.post(url, {"preset": "translator"}).status == 200
    assert stored(reply).preset_variables == {}


def test_a_form_names_them_by_prefix(talk: Talk, upstream: Upstream, teacher: RolePreset) -> None:
    teacher.instruction = "教{{主题}}。"
    teacher.save()
    fields = {"content": "Begin", "preset": str(teacher.pk), "variable_主题": "茶"}
    response = talk.client.post("/c/", {**fields, "client_id": str(uuid.uuid4())})
    assert response.status_code == 303
    conversation = Conversation.objects.get()
    assert conversation.preset_variables == {"主题": "茶"}
    page = f"/c/{conversation.pk}/settings/"
    assert talk.client.post(page, {"variable_主题": "水"}).status_code == 303
    conversation.refresh_from_db()
    assert conversation.preset_variables == {"主题": "水"}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ("text", "invalid_parameter"),
        (["topic"], "invalid_parameter"),
        (7, "invalid_parameter"),
        (False, "invalid_parameter"),
        ({"topic": 7}, "invalid_parameter"),
        ({"topic": None}, "invalid_parameter"),
        ({"topic": ["tea"]}, "invalid_parameter"),
        ({"topic": "x" * (LONGEST_VALUE + 1)}, "invalid_parameter"),
        ({"x" * (LONGEST_NAME + 1): "tea"}, "invalid_parameter"),
        ({str(number): "x" for number in range(MOST_VARIABLES + 1)}, "invalid_parameter"),
        ({"topic": "a\x00b"}, "invalid_text"),
        ({"topic": "a\ud800b"}, "invalid_text"),
        ({"a\ud800b": "tea"}, "invalid_text"),
    ],
)
def test_bad_values_are_refused(
    talk: Talk, teacher: RolePreset, variables: object, code: str
) -> None:
    reply = talk.send("Begin", preset=str(teacher.pk), variables=variables)
    assert (reply.status, reply.code) == (400, code)
    assert not Conversation.objects.exists()
    started = talk.send("Begin", preset=str(teacher.pk), variables={"topic": "tea"})
    talk.finish(started)
    url = f"/c/{started.body['conversation']}/settings/"
    refused = talk.post(url, {"variables": variables})
    assert (refused.status, refused.code) == (400, code)
    assert stored(started).preset_variables == {"topic": "tea"}
