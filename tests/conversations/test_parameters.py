"""Sampling parameters: set for a conversation, taken back, refused with their range."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Conversation
from conversations.parameters import PARAMETERS
from tests.conversations.talk import Talk
from tests.upstream import Upstream

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
