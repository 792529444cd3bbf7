"""People's own role presets: made, changed, shared, duplicated, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import Http404
from django.test import Client

from accounts.models import AuditEntry, User
from conversations import presets
from conversations.errors import NotPossible
from conversations.models import ChatModel, Conversation, PresetVersion, RolePreset
from conversations.preset_content import content_of, read_content
from tests.conftest import signed_in
from tests.conversations.talk import Talk, chosen_preset
from tests.upstream import Upstream

TURNS = {"turns-TOTAL_FORMS": "1", "turns-INITIAL_FORMS": "0"}
FULL: dict[str, Any] = {
    **TURNS,
    "icon": "🦉",
    "name": "Tutor",
    "description": "Asks instead of telling.",
    "instruction": "Teach {{topic}}.\r\nAsk first.",
    "greeting": "What shall we find out?",
    "example_prompts": "Why is the sky blue?\r\n\r\n  How do boats float?  ",
    "turns-0-question": "Why is ice slippery?",
    "turns-0-answer": "What happens when you press it?",
    "temperature": "0.7",
    "top_p": "0.9",
    "presence_penalty": "-1",
    "frequency_penalty": "0",
    "max_tokens": "500",
}


@pytest.fixture
def tutor(alice: User) -> RolePreset:
    preset = RolePreset(owner=alice, name="Tutor", icon="🦉", instruction="Teach. Ask first.")
    presets.save_preset(preset)
    return preset


@pytest.fixture
def shared(tutor: RolePreset) -> RolePreset:
    tutor.shared = True
    presets.save_preset(tutor)
    return tutor


# --- Making and changing ---------------------------------------------------------------------------------------------


def test_make(alice: User, alice_client: Client) -> None:
    response = alice_client.post("/presets/new/", FULL)
    made = RolePreset.objects.get(owner=alice)
    assert (response.status_code, response["Location"]) == (303, f"/presets/{made.pk}/")
    assert (made.name, made.icon, made.slug, made.shared) == ("Tutor", "🦉", "tutor", False)
    assert made.instruction == "Teach {{topic}}.\nAsk first."
    assert made.example_prompts == ["Why is the sky blue?", "How do boats float?"]
    assert made.few_shot_turns == [
        {"role": "user", "content": "Why is ice slippery?"},
        {"role": "assistant", "content": "What happens when you press it?"},
    ]
    assert made.parameters() == {
        "temperature": 0.7,
        "top_p": 0.9,
        "presence_penalty": -1,
        "frequency_penalty": 0,
        "max_tokens": 500,
    }
    page = alice_client.get(response["Location"]).content.decode()
    for text in ("Tutor", "How do boats float?", "Why is ice slippery?", "0.7"):
        assert text in page


def test_the_least(alice: User, alice_client: Client) -> None:
    fields = {**TURNS, "name": "教师", "instruction": "教。"}
    assert alice_client.post("/presets/new/", fields).status_code == 303
    made = RolePreset.objects.get(owner=alice)
    assert (made.slug, made.parameters(), made.few_shot_turns) == ("preset", {}, [])


BAD = [
    ({"name": " "}, "name", "This field is required."),
    ({"name": "x" * 61}, "name", "at most 60 characters"),
    ({"instruction": ""}, "instruction", "This field is required."),
    ({"instruction": "x" * 20_001}, "instruction", "at most 20000 characters"),
    ({"icon": "ab"}, "icon", "Use one emoji"),
    ({"temperature": "2.1"}, "temperature", "less than or equal to 2"),
    ({"temperature": "warm"}, "temperature", "Enter a number."),
    ({"temperature": "nan"}, "temperature", "Enter a number."),
    ({"top_p": "-0.1"}, "top_p", "greater than or equal to 0"),
    ({"presence_penalty": "3"}, "presence_penalty", "less than or equal to 2"),
    ({"max_tokens": "0"}, "max_tokens", "greater than or equal to 1"),
    ({"model": "999"}, "model", "Select a valid choice."),
    ({"example_prompts": "\n".join("abcdefghijk")}, "example_prompts", "At most 10"),
    ({"example_prompts": "x" * 501}, "example_prompts", "At most 500"),
    ({"name": "a\x00b"}, "name", "Null characters"),
    ({"name": "\u200b\u202e"}, "name", "This field is required."),
]


@pytest.mark.parametrize(("wrong", "field", "sentence"), BAD)
def test_bad_input_is_said_at_its_field_and_nothing_is_lost(
    alice: User, alice_client: Client, wrong: dict[str, str], field: str, sentence: str
) -> None:
    response = alice_client.post("/presets/new/", FULL | wrong)
    assert response.status_code == 400
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert sentence in form.errors[field][0]
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    assert "What happens when you press it?" in page
    assert not RolePreset.objects.filter(owner=alice).exists()


def test_a_name_that_would_turn_the_text_around_it(alice: User, alice_client: Client) -> None:
    """Where it is shared, in other people's lists."""
    assert (
        alice_client.post("/presets/new/", FULL | {"name": "\u202eTu\u2066tor"}).status_code == 303
    )
    assert RolePreset.objects.get(owner=alice).name == "Tutor"


def test_half_an_example_turn(alice_client: Client) -> None:
    response = alice_client.post("/presets/new/", FULL | {"turns-0-answer": " "})
    assert response.status_code == 400
    assert "Write the answer to this question" in response.content.decode()


def test_one_more_example_turn_without_scripts(alice: User, alice_client: Client) -> None:
    fields = FULL | {"add-turn": "1", "name": "", "temperature": "warm"}
    response = alice_client.post("/presets/new/", fields)
    page = response.content.decode()
    assert response.status_code == 200
    assert 'name="turns-1-question"' in page
    assert 'value="warm"' in page
    assert "errorlist" not in page
    more = {"turns-TOTAL_FORMS": "2", "turns-1-question": "And?", "turns-1-answer": "So."}
    assert alice_client.post("/presets/new/", FULL | more).status_code == 303
    assert len(RolePreset.objects.get(owner=alice).few_shot_turns) == 4


def test_change(alice_client: Client, tutor: RolePreset) -> None:
    url = f"/presets/{tutor.pk}/"
    assert alice_client.post(url, FULL).status_code == 303
    tutor.refresh_from_db()
    assert tutor.temperature == pytest.approx(0.7)
    assert alice_client.post(url, FULL | {"name": ""}).status_code == 400
    fields = FULL | {"turns-0-question": "", "turns-0-answer": "", "temperature": ""}
    assert alice_client.post(url, fields).status_code == 303
    tutor.refresh_from_db()
    assert (tutor.name, tutor.few_shot_turns, tutor.temperature) == ("Tutor", [], None)


def test_only_models_of_ones_plan_are_offered(
    talk: Talk, chat_model: ChatModel, alice: User
) -> None:
    hidden = ChatModel.objects.create(endpoint=chat_model.endpoint, name="hidden", enabled=False)
    page = talk.client.get("/presets/new/").content.decode()
    assert f'<option value="{chat_model.pk}">' in page
    assert f'<option value="{hidden.pk}">' not in page
    fields = FULL | {"model": str(chat_model.pk)}
    assert talk.client.post("/presets/new/", fields).status_code == 303
    assert RolePreset.objects.get(owner=alice).model == chat_model


def test_nobody_keeps_any_number(
    alice: User, alice_client: Client, tutor: RolePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "MOST_OWN", 1)
    response = alice_client.post("/presets/new/", FULL)
    assert response.status_code == 409
    assert "at most 1 role presets" in response.content.decode()
    assert alice_client.post(f"/presets/{tutor.pk}/duplicate/").status_code == 409
    assert alice_client.post(f"/presets/{tutor.pk}/", FULL).status_code == 303
    assert RolePreset.objects.filter(owner=alice).count() == 1


def test_nobody_keeps_any_amount_of_text(
    alice: User, alice_client: Client, tutor: RolePreset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export of five hundred at their longest would be 230 MB in memory."""
    monkeypatch.setattr(presets, "MOST_TEXT", 20_000)
    long = FULL | {"instruction": "x" * 19_999}
    for page in ("/presets/new/", f"/presets/{tutor.pk}/"):
        response = alice_client.post(page, long)
        assert response.status_code == 409
        assert "too long together" in response.content.decode()
        assert "x" * 19_999 in response.content.decode()
    rows = [{"name": "Long", "instruction": "x" * 19_999}]
    with pytest.raises(NotPossible):
        presets.import_presets(alice, map(read_content, rows), "en")
    assert [row.instruction for row in RolePreset.objects.filter(owner=alice)] == [
        "Teach. Ask first."
    ]
    PresetVersion.objects.create(preset=tutor, number=2, content=content_of(tutor) | rows[0])
    assert alice_client.post(f"/presets/{tutor.pk}/versions/2/restore/").status_code == 409
    assert list(tutor.versions.values_list("number", flat=True)) == [2, 1]


# --- Duplicating and deleting ----------------------------------------------------------------------------------------


def test_duplicate_a_site_preset(alice: User, alice_client: Client) -> None:
    site = RolePreset.objects.get(slug="translator", language="en")
    response = alice_client.post(f"/presets/{site.pk}/duplicate/")
    copy = RolePreset.objects.get(owner=alice)
    assert response["Location"] == f"/presets/{copy.pk}/"
    assert (copy.name, copy.instruction) == ("Translator (copy)", site.instruction)
    assert (copy.temperature, copy.shared) == (site.temperature, False)


def test_delete_asks_first(alice_client: Client, tutor: RolePreset) -> None:
    url = f"/presets/{tutor.pk}/delete/"
    assert "Tutor" in alice_client.get(url).content.decode()
    assert RolePreset.objects.filter(pk=tutor.pk).exists()
    assert alice_client.post(url)["Location"] == "/presets/"
    assert not RolePreset.objects.filter(pk=tutor.pk).exists()


def test_what_was_written_for_one_that_is_gone_is_kept(
    alice: User, alice_client: Client, tutor: RolePreset
) -> None:
    presets.delete_preset(RolePreset.objects.get(pk=tutor.pk))
    response = alice_client.post(f"/presets/{tutor.pk}/", FULL | {"shared": "on"})
    page = response.content.decode()
    assert response.status_code == 404
    assert "This role preset is gone" in page
    assert 'action="/presets/new/"' in page
    for text in ("Asks instead of telling.", "What happens when you press it?", 'value="0.7"'):
        assert text in page
    assert not RolePreset.objects.filter(owner=alice).exists()


def test_one_that_is_deleted_while_it_is_saved_stays_deleted(tutor: RolePreset) -> None:
    presets.delete_preset(RolePreset.objects.get(pk=tutor.pk))
    with pytest.raises(Http404):
        presets.save_preset(tutor)
    with pytest.raises(Http404):
        presets.restore_version(tutor, PresetVersion(content={"name": "Tutor"}))
    assert not RolePreset.objects.filter(pk=tutor.pk).exists()


def test_ones_conversations_go_on_without_it(
    talk: Talk, upstream: Upstream, tutor: RolePreset
) -> None:
    first = talk.send("Begin", preset=str(tutor.pk))
    talk.finish(first)
    talk.client.post(f"/presets/{tutor.pk}/delete/")
    talk.ask("Go on", str(first.body["conversation"]))
    assert upstream.chats[-1].body["messages"][0]["role"] == "user"


# --- Strangers -------------------------------------------------------------------------------------------------------


def test_sharing_is_written_down_once(alice_client: Client, tutor: RolePreset) -> None:
    for shared in ({"shared": "on"}, {"shared": "on"}, {}, {"shared": "on"}):
        alice_client.post(f"/presets/{tutor.pk}/", FULL | shared)
    entries = AuditEntry.objects.filter(action="shared")
    assert [*entries.values_list("subject_name", "target")] == [("alice", FULL["name"])] * 2


def test_a_shared_one_is_used_and_not_changed(bob_client: Client, shared: RolePreset) -> None:
    page = bob_client.get(f"/presets/{shared.pk}/").content.decode()
    assert "Teach. Ask first." in page
    assert "by alice" in page
    assert bob_client.post(f"/presets/{shared.pk}/", FULL).status_code == 404
    assert bob_client.get(f"/presets/{shared.pk}/delete/").status_code == 404
    assert bob_client.post(f"/presets/{shared.pk}/delete/").status_code == 404
    assert bob_client.post(f"/presets/{shared.pk}/duplicate/").status_code == 303
    shared.refresh_from_db()
    assert shared.instruction == "Teach. Ask first."


def test_site_presets_are_read_and_not_changed(
    alice_client: Client, sasha_client: Client, db: None
) -> None:
    site = RolePreset.objects.get(slug="translator", language="en")
    url = f"/presets/{site.pk}/"
    for client in (alice_client, sasha_client):
        assert site.instruction[:40] in client.get(url).content.decode()
        assert client.post(url, FULL).status_code == 404
        assert client.post(f"{url}delete/").status_code == 404
    RolePreset.objects.filter(pk=site.pk).update(enabled=False)
    assert alice_client.get(url).status_code == 404
    assert sasha_client.get(url).status_code == 200


@pytest.mark.parametrize("page", ["new/", "{}/", "{}/delete/"])
def test_wrong_method(alice_client: Client, tutor: RolePreset, page: str) -> None:
    assert alice_client.put(f"/presets/{page.format(tutor.pk)}").status_code == 405


def test_a_suspended_persons_are_not_offered(
    alice: User, bob: User, bob_client: Client, shared: RolePreset
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "Tutor" not in bob_client.get("/presets/").content.decode()
    assert bob_client.get(f"/presets/{shared.pk}/").status_code == 404


# --- Sharing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bobs(talk: Talk, bob: User) -> Talk:
    return Talk(signed_in(bob))


def test_a_shared_one_begins_a_chat(bobs: Talk, upstream: Upstream, shared: RolePreset) -> None:
    page = bobs.client.get(f"/?preset={shared.pk}").content.decode()
    assert chosen_preset(page) == str(shared.pk)
    bobs.ask("Begin", preset=str(shared.pk))
    assert upstream.chats[-1].body["messages"][0]["content"] == "Teach. Ask first."
    shared.shared = False
    shared.save(update_fields=["shared"])
    reply = bobs.send("Begin", preset=str(shared.pk))
    assert (reply.status, reply.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("end", ["unshare", "delete"])
def test_conversations_keep_what_is_no_longer_shared(
    bobs: Talk, upstream: Upstream, bob: User, shared: RolePreset, alice_client: Client, end: str
) -> None:
    """As it was, in a copy of one's own: what its owner writes into it from then on is not for others."""
    first = bobs.send("Begin", preset=str(shared.pk))
    bobs.finish(first)
    conversation = str(first.body["conversation"])
    if end == "delete":
        assert alice_client.post(f"/presets/{shared.pk}/delete/").status_code == 303
    else:
        secret = FULL | {"instruction": "A secret."}
        assert alice_client.post(f"/presets/{shared.pk}/", secret).status_code == 303
    copy = RolePreset.objects.get(owner=bob)
    assert (copy.name, copy.instruction, copy.shared) == ("Tutor", "Teach. Ask first.", False)
    assert Conversation.objects.get(pk=conversation).preset == copy
    bobs.ask("Go on", conversation)
    assert upstream.chats[-1].body["messages"][0]["content"] == "Teach. Ask first."
    assert bobs.client.get(f"/presets/{shared.pk}/").status_code == 404
    page = bobs.client.get(f"/c/{conversation}/").content.decode()
    assert chosen_preset(page) == str(copy.pk)


def test_a_default_that_is_no_longer_there(
    bobs: Talk, upstream: Upstream, bob: User, shared: RolePreset
) -> None:
    bobs.client.post("/presets/", {"default_preset": str(shared.pk)})
    bobs.ask("Begin")
    assert upstream.chats[-1].body["messages"][0]["content"] == "Teach. Ask first."
    shared.shared = False
    presets.save_preset(shared)
    bobs.ask("Begin")
    assert upstream.chats[-1].body["messages"][0]["role"] == "user"


def test_a_conversation_may_keep_what_is_not_on_offer(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    site = RolePreset.objects.get(slug="translator", language="en")
    first = talk.send("Begin", preset="translator")
    talk.finish(first)
    conversation = str(first.body["conversation"])
    RolePreset.objects.filter(pk=site.pk).update(enabled=False)
    page = talk.client.get(f"/c/{conversation}/").content.decode()
    assert chosen_preset(page) == "translator"
    assert talk.post(f"/c/{conversation}/settings/", {"preset": "translator"}).status == 200
    talk.ask("Go on", conversation, preset="translator")
    assert upstream.chats[-1].body["messages"][0]["role"] == "system"
