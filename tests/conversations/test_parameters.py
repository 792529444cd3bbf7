"""Sampling parameters: set for a conversation, taken back, refused with their range."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import ChatModel, Conversation, RolePreset
from conversations.parameters import PARAMETERS
from tests.conversations.talk import Talk
from tests.upstream import Script, Upstream

ALL = {
    "temperature": 0.5,
    "top_p": 0.25,
    "max_tokens": 99,
    "presence_penalty": -1.5,
    "frequency_penalty": 2,
}


def begun(talk: Talk, **fields: Any) -> Conversation:
    reply = talk.send("Hello", **fields)
    talk.finish(reply)
    return Conversation.objects.get(pk=reply.body["conversation"])


def settings_of(conversation: Conversation) -> str:
    return f"/c/{conversation.pk}/settings/"


# --- Setting ---------------------------------------------------------------------------------------------------------


def test_the_first_message_brings_them(talk: Talk, upstream: Upstream) -> None:
    assert begun(talk, **ALL).parameters() == ALL
    body = upstream.chats[-1].body
    assert {name: body[name] for name in ALL} == ALL


def test_an_empty_value_is_back_to_the_default(talk: Talk, upstream: Upstream) -> None:
    conversation = begun(talk, **ALL)
    for name, empty in [("temperature", ""), ("top_p", None), ("max_tokens", " ")]:
        assert talk.post(settings_of(conversation), {name: empty}).status == 200
    conversation.refresh_from_db()
    assert conversation.parameters() == {"presence_penalty": -1.5, "frequency_penalty": 2}
    talk.ask("Again", str(conversation.pk))
    assert not {"temperature", "top_p"} & set(upstream.chats[-1].body)


def test_a_send_without_the_field_changes_nothing(talk: Talk) -> None:
    conversation = begun(talk, **ALL)
    talk.ask("Again", str(conversation.pk))
    conversation.refresh_from_db()
    assert conversation.parameters() == ALL


def test_an_empty_form_of_settings_changes_nothing(talk: Talk) -> None:
    conversation = begun(talk, **ALL)
    assert talk.client.post(settings_of(conversation), {}).status_code == 303
    conversation.refresh_from_db()
    assert conversation.parameters() == ALL


# --- Refusing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "2.1"),
        ("temperature", "hot"),
        ("temperature", "-inf"),
        ("top_p", -0.1),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("max_tokens", "9" * 5000),
        ("max_tokens", 10**400),
        ("presence_penalty", False),
        ("frequency_penalty", [1]),
    ],
)
def test_a_refusal_names_the_field_and_its_range(talk: Talk, name: str, value: object) -> None:
    conversation = begun(talk, **ALL)
    wrong = talk.post(settings_of(conversation), {name: value})
    assert (wrong.status, wrong.code) == (400, "invalid_parameter")
    error, parameter = wrong.body["error"], PARAMETERS[name]
    assert error["field"] == name
    assert f"from {parameter.minimum} to {parameter.maximum}" in error["message"]
    conversation.refresh_from_db()
    assert conversation.parameters() == ALL


# --- The drawer ------------------------------------------------------------------------------------------------------


def fields_of_page(page: str) -> list[str]:
    return [name for name in PARAMETERS if f'name="{name}"' in page]


def test_what_the_model_refuses_is_not_offered(
    talk: Talk, upstream: Upstream, chat_model: ChatModel
) -> None:
    assert fields_of_page(talk.client.get("/").content.decode()) == list(PARAMETERS)
    ChatModel.objects.filter(pk=chat_model.pk).update(dropped_parameters=["top_p"])
    page = talk.client.get("/").content.decode()
    assert "top_p" not in fields_of_page(page)
    assert "Top p" in page.split("This model does not take:")[1]
    upstream.play(Script.parse("unsupported name=temperature"))
    conversation = begun(talk, temperature=0.5)
    learnt = talk.client.get(f"/c/{conversation.pk}/").content.decode()
    assert "temperature" not in fields_of_page(learnt)
    assert conversation.temperature == 0.5


def test_the_page_shows_what_is_set_and_what_the_role_sets(talk: Talk) -> None:
    conversation = begun(talk, preset="translator", top_p=0.25)
    page = talk.client.get(f"/c/{conversation.pk}/").content.decode()
    drawer = page.split('data-live="parameters"')[1]
    assert 'value="0.25"' in drawer
    assert 'placeholder="0.3"' in drawer
    assert 'placeholder="1024"' in drawer


def test_an_address_may_set_them(talk: Talk) -> None:
    assert 'value="0.7"' in talk.client.get("/?temperature=0.7").content.decode()
    conversation = begun(talk)
    page = talk.client.get(f"/c/{conversation.pk}/?temperature=0.7").content.decode()
    assert 'value="0.7"' not in page


def test_a_refused_form_keeps_what_was_typed(talk: Talk) -> None:
    conversation = begun(talk, temperature=0.5)
    typed = {"temperature": "hot", "top_p": "0.3"}
    response = talk.client.post(settings_of(conversation), typed)
    page = response.content.decode()
    assert response.status_code == 400
    assert 'value="hot"' in page
    assert 'value="0.3"' in page
    assert "Temperature has to be a number from 0 to 2." in page
    first = talk.client.post("/c/", {"content": "Hello", **typed})
    page = first.content.decode()
    assert first.status_code == 400
    assert 'value="hot"' in page
    assert ">Hello</textarea>" in page
    conversation.refresh_from_db()
    assert conversation.parameters() == {"temperature": 0.5}


def test_without_a_model_there_is_no_drawer(talk: Talk) -> None:
    ChatModel.objects.update(enabled=False)
    assert "data-drawer" not in talk.client.get("/").content.decode()


# --- Roles in a new chat ---------------------------------------------------------------------------------------------


@pytest.fixture
def letters(chat_model: ChatModel) -> RolePreset:
    return RolePreset.objects.create(
        slug="letters",
        name="Letter writer",
        instruction="Write about {{topic}} to {{the <reader>}}.",
        greeting="Whom shall we write to?",
        example_prompts=["Say thank you"],
    )


def test_a_new_chat_asks_for_the_variables_of_its_role(talk: Talk, letters: RolePreset) -> None:
    page = talk.client.get("/?preset=letters&variable_topic=tea").content.decode()
    assert 'name="variable_topic"' in page
    assert ">tea</textarea>" in page
    assert 'name="variable_the &lt;reader&gt;"' in page
    conversation = begun(talk, preset="letters", variable_topic="tea")
    assert conversation.preset_variables == {"topic": "tea"}
    page = talk.client.get(f"/c/{conversation.pk}/").content.decode()
    assert page.count('name="variable_topic"') == 1
    assert 'form="conversation-settings"' in page.split('name="variable_topic"')[1].split(">")[0]


def test_a_form_chooses_a_role_before_the_first_message(talk: Talk, letters: RolePreset) -> None:
    fields = {"preset": "letters", "content": "My draft", "temperature": "0.5"}
    response = talk.client.post("/", fields)
    page = response.content.decode()
    assert response.status_code == 200
    assert letters.greeting in page
    assert ">My draft</textarea>" in page
    assert 'value="0.5"' in page
    assert not Conversation.objects.exists()


def test_a_form_that_cannot_be_read_is_refused(talk: Talk) -> None:
    assert talk.client.post("/", {"content": "a\x00b"}).status_code == 400


def test_an_example_keeps_the_role(talk: Talk, letters: RolePreset) -> None:
    page = talk.client.get("/?preset=letters").content.decode()
    assert 'href="?preset=letters&amp;q=Say%20thank%20you"' in page
