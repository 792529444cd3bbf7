"""Two at one moment: what one has looked up the other deletes, and no limit is passed by counting together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts.models import Reservation, User
from conversations import access, catalogue, organizing, preset_choices, presets, services
from conversations.errors import ConversationError, JustDeleted, NotPossible
from conversations.models import ChatModel, Conversation, Endpoint, Folder, RolePreset, Tag
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.upstream import Script, Upstream

GONE = (409, "not_possible")
KEY = "0b8f8f5e-0000-4000-8000-000000000000"


@pytest.fixture
def kept(transactional_db: None, alice: User) -> Conversation:
    return Conversation.objects.create(owner=alice, title="Hot drinks")


@pytest.fixture
def delete_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has somebody delete rows as soon as that function of that module has found what it looks for."""

    def arrange(module: Any, name: str, *rows: Any) -> None:
        look_up = getattr(module, name)

        def found_and_deleted(*args: Any, **named: Any) -> Any:
            found = look_up(*args, **named)
            for row in rows or (found,):
                type(row).objects.filter(pk=row.pk).delete()
            return found

        monkeypatch.setattr(module, name, found_and_deleted)

    return arrange


# --- Deleted between being looked up and being used ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "place", "url", "fields"),
    [
        (Folder, "folder", "/c/{conversation}/folder/", {}),
        (Folder, "folder", "/conversations/selected/", {"action": "move"}),
        (Folder, "folder", "/folders/{label}/rename/", {"name": "Other"}),
        (Tag, "tag", "/c/{conversation}/tags/", {}),
        (Tag, "tag", "/conversations/selected/", {"action": "tag"}),
        (Tag, "tag", "/tags/{label}/rename/", {"name": "Other"}),
    ],
)
def test_a_label_that_has_just_been_deleted(
    alice_client: Client,
    kept: Conversation,
    delete_after: Callable[..., None],
    kind: type[Folder] | type[Tag],
    place: str,
    url: str,
    fields: dict[str, str],
) -> None:
    label = kind.objects.create(owner=kept.owner, name="Kitchen")
    delete_after(access, f"get_{place}")
    address = url.format(conversation=kept.pk, label=label.pk)
    sent = {"conversation": str(kept.pk), place: str(label.pk), **fields}
    reply = alice_client.post(address, sent, headers=JSON)
    assert (reply.status_code, reply.json()["error"]["code"]) == GONE
    kept.refresh_from_db()
    assert (kept.folder, kept.tags.count()) == (None, 0)


@pytest.mark.parametrize("what", ["preset", "model", "endpoint"])
@pytest.mark.parametrize("verb", ["send", "send in", "settings", "regenerate"])
def test_a_choice_that_has_just_been_deleted(
    talk: Talk,
    alice: User,
    chat_model: ChatModel,
    delete_after: Callable[..., None],
    verb: str,
    what: str,
) -> None:
    first = talk.send("Begin", preset="translator")
    talk.finish(first)
    conversation = str(first.body["conversation"])
    before = Conversation.objects.get(pk=conversation).messages.count()
    used: dict[str, RolePreset | ChatModel | Endpoint] = {
        "preset": RolePreset.objects.get(slug="translator", language="en"),
        "model": chat_model,
        "endpoint": chat_model.endpoint,
    }
    if what == "preset" and verb != "regenerate":
        delete_after(preset_choices, "choose_preset_again", used[what])
    else:
        delete_after(catalogue, "choose_model", used[what])
    chosen = {"model": "fake", "preset": "translator"}
    if verb == "send":
        reply = talk.send("Go on", **chosen)
    elif verb == "send in":
        reply = talk.send("Go on", conversation, **chosen)
    elif verb == "settings":
        reply = talk.post(f"/c/{conversation}/settings/", chosen)
    else:
        reply = talk.post(f"/completions/{first.body['completion']}/regenerate/")
    assert (reply.status, reply.code) == GONE
    assert Conversation.objects.get(pk=conversation).messages.count() == before
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_a_form_keeps_its_text_when_the_model_has_just_been_deleted(
    talk: Talk, chat_model: ChatModel, delete_after: Callable[..., None]
) -> None:
    other = ChatModel.objects.create(endpoint=chat_model.endpoint, name="other")
    delete_after(catalogue, "choose_model", other)
    fields = {"content": "Do not lose this", "model": "other", "client_id": KEY}
    page = talk.client.post("/c/", fields)
    assert page.status_code == 409
    assert "Do not lose this" in page.content.decode()


def test_a_model_deleted_while_a_preset_with_it_is_saved(
    alice: User, alice_client: Client, kept: Conversation, delete_after: Callable[..., None]
) -> None:
    endpoint = Endpoint.objects.create(name="scripted", base_url="http://127.0.0.1:9")
    model = ChatModel.objects.create(endpoint=endpoint, name="fake")
    delete_after(presets, "_check_number", model)
    fields = {"name": "Tutor", "instruction": "Teach.", "model": str(model.pk)}
    turns = {"turns-TOTAL_FORMS": "0", "turns-INITIAL_FORMS": "0"}
    page = alice_client.post("/presets/new/", fields | turns)
    assert page.status_code == 409
    assert "Teach." in page.content.decode()
    assert not RolePreset.objects.filter(owner=alice).exists()


def test_an_answer_deleted_while_a_branch_of_it_is_made(
    talk: Talk, delete_after: Callable[..., None]
) -> None:
    first = talk.send("One")
    talk.finish(first)
    delete_after(access, "get_message", Conversation.objects.get())
    reply = talk.post(f"{first.body['url']}branch/", {"message": first.body["answer"]})
    assert (reply.status, reply.code) == GONE
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    ("look_up", "url", "fields", "status"),
    [
        ("conversation", "/c/{conversation}/messages/", {"content": "More", "client_id": KEY}, 409),
        ("conversation", "/c/{conversation}/settings/", {"temperature": "1"}, 200),
        ("conversation", "/c/{conversation}/rename/", {"title": "Other"}, 409),
        ("conversation", "/c/{conversation}/pin/", {}, 200),
        ("conversation", "/c/{conversation}/archive/", {}, 200),
        ("conversation", "/c/{conversation}/folder/", {"name": "New"}, 200),
        ("conversation", "/c/{conversation}/tags/", {"name": "New"}, 200),
        ("conversation", "/c/{conversation}/stop/", {}, 202),
        ("conversation", "/c/{conversation}/delete/", {}, 204),
        ("restorable", "/c/{conversation}/restore/", {}, 409),
        ("message", "/c/{conversation}/leaf/", {"message": "{answer}"}, 409),
        ("message", "/c/{conversation}/branch/", {"message": "{answer}"}, 409),
        ("message", "/messages/{answer}/feedback/", {"value": "up"}, 200),
        ("completion", "/completions/{completion}/stop/", {}, 202),
        ("completion", "/completions/{completion}/regenerate/", {}, 404),
        ("message", "/completions/{completion}/regenerate/", {}, 409),
        ("message", "/completions/{completion}/continue/", {}, 409),
    ],
)
def test_a_conversation_that_has_just_been_purged(
    talk: Talk,
    upstream: Upstream,
    alice: User,
    delete_after: Callable[..., None],
    look_up: str,
    url: str,
    fields: dict[str, str],
    status: int,
) -> None:
    """It is as if it had been deleted a moment later, or it is refused."""
    upstream.play(Script("stall", ("One",)))
    first = talk.send("Count")
    next(talk.events(first, format="text"))
    talk.post(f"{first.body['url']}stop/")
    talk.finish(first)
    names = {name: first.body[name] for name in ("conversation", "answer", "completion")}
    delete_after(access, f"get_{look_up}", Conversation.objects.get())
    sent = {name: value.format(**names) for name, value in fields.items()}
    assert talk.post(url.format(**names), sent).status == status
    assert not Conversation.objects.exists()
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


# --- Many at one moment ----------------------------------------------------------------------------------------------


def content(number: int) -> dict[str, Any]:
    return {"name": f"Preset {number}", "instruction": "Teach."}


def test_imports_at_once_pass_no_limit(
    alice: User, kept: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "MOST_OWN", 30)

    def import_file(first: int) -> str:
        rows = [content(number) for number in range(first, first + 20)]
        try:
            presets.import_presets(alice, rows, "en")
        except NotPossible:
            return "refused"
        return "imported"

    ends = at_once(*(partial(import_file, 20 * number) for number in range(6)))
    assert sorted(ends) == ["imported", *["refused"] * 5]
    assert presets.count_own(alice) == 20


def test_one_file_imported_several_times_at_once(alice: User, kept: Conversation) -> None:
    rows = [content(number) for number in range(20)]
    counts = at_once(*[partial(presets.import_presets, alice, rows, "en")] * 6)
    assert sorted(counts) == [0, 0, 0, 0, 0, 20]
    assert presets.count_own(alice) == 20


@pytest.mark.parametrize("kind", [Folder, Tag])
def test_labels_made_at_once_pass_no_limit(
    alice: User, kept: Conversation, kind: type[Folder] | type[Tag], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organizing, "MOST_LABELS", 3)
    client = signed_in(alice)

    def make(number: int) -> int:
        mine = Client()
        mine.cookies = client.cookies
        kinds = "folders" if kind is Folder else "tags"
        return mine.post(f"/{kinds}/", {"name": f"Number {number}"}, headers=JSON).status_code

    statuses = at_once(*(partial(make, number) for number in range(8)))
    assert sorted(statuses) == [201] * 3 + [400] * 5
    assert kind.objects.count() == 3


@pytest.mark.services
@pytest.mark.parametrize("what", ["chatmodel", "endpoint", "rolepreset"])
def test_a_choice_is_deleted_in_the_admin_while_it_is_made(
    alice: User, sasha_client: Client, kept: Conversation, what: str
) -> None:
    def choose(name: str) -> None:
        with suppress(ConversationError):
            services.choose(
                alice,
                copy(kept),
                model=name if what != "rolepreset" else "",
                preset=name if what == "rolepreset" else None,
                parameters={},
                language="en",
            )

    def delete(key: object) -> int:
        address = f"/admin/conversations/{what}/{key}/delete/"
        return sasha_client.post(address, {"post": "yes"}).status_code

    for number in range(25):
        name = f"number-{number}"
        endpoint = Endpoint.objects.create(name=name, base_url="http://127.0.0.1:9")
        row: Endpoint | ChatModel | RolePreset = endpoint
        if what == "rolepreset":
            row = RolePreset.objects.create(slug=name, name=name, instruction="Teach.")
        else:
            model = ChatModel.objects.create(endpoint=endpoint, name=name)
            row = model if what == "chatmodel" else endpoint
        _none, status = at_once(partial(choose, name), partial(delete, row.pk))
        assert status == 302


@pytest.mark.services
@pytest.mark.parametrize("kind", [Folder, Tag])
def test_a_label_is_deleted_while_it_is_used(
    alice: User, kept: Conversation, kind: type[Folder] | type[Tag]
) -> None:
    """Whoever comes second is refused; nobody is told of a failure."""

    def use(label: Folder | Tag) -> None:
        with suppress(JustDeleted):
            if isinstance(label, Folder):
                organizing.move(alice, [kept.pk], label)
            else:
                organizing.put_tag(alice, [kept.pk], label)

    for number in range(40):
        label = kind.objects.create(owner=alice, name=f"Number {number}")
        at_once(partial(use, copy(label)), partial(organizing.delete_label, label))
    assert not kind.objects.exists()
