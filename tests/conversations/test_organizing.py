"""Pin, archive, folders, tags, and one action on several conversations."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations import organizing
from conversations.models import Conversation, Folder, Tag
from tests.conversations.talk import JSON


@pytest.fixture
def kept(alice: User) -> Conversation:
    return Conversation.objects.create(owner=alice, title="Hot drinks")


def post(client: Client, url: str, fields: object = None) -> tuple[int, dict[str, object]]:
    """Status and JSON of an action that a script asks for."""
    reply = client.post(url, fields or {}, content_type="application/json", headers=JSON)
    return reply.status_code, reply.json() if reply.content else {}


@pytest.mark.parametrize(("action", "name"), [("pin", "pinned"), ("archive", "archived")])
def test_habit_37_pin_and_archive(
    alice_client: Client, bob_client: Client, kept: Conversation, action: str, name: str
) -> None:
    url, key = f"/c/{kept.pk}/{action}/", str(kept.pk)
    assert post(alice_client, url, {"value": True}) == (200, {"conversation": key, name: True})
    assert post(alice_client, url, {"value": "true"})[1][name] is True
    assert post(alice_client, url)[1][name] is False
    assert alice_client.post(url).status_code == 303
    kept.refresh_from_db()
    assert getattr(kept, name) is True
    assert post(alice_client, url, {"value": "maybe"})[0] == 400
    assert post(alice_client, url, {"value": 1})[0] == 400
    assert bob_client.post(url).status_code == 404
    assert alice_client.get(url).status_code == 405


def test_archived_are_out_of_the_sidebar_and_on_a_page_of_their_own(
    alice_client: Client, kept: Conversation
) -> None:
    alice_client.post(f"/c/{kept.pk}/archive/")
    assert b"Hot drinks" not in alice_client.get("/conversations/list/").content
    assert b"Hot drinks" not in alice_client.get("/conversations/").content
    assert b"Hot drinks" in alice_client.get("/conversations/?archived=1").content
    assert alice_client.get(f"/c/{kept.pk}/").status_code == 200


def test_nothing_is_pinned_where_it_is_not_seen(alice_client: Client, kept: Conversation) -> None:
    """The archive hides what was pinned until it is taken back; what is pinned from there comes out."""

    def sidebar() -> str:
        return alice_client.get("/conversations/list/").content.decode()

    url = f"/c/{kept.pk}/"
    post(alice_client, f"{url}pin/", {"value": True})
    post(alice_client, f"{url}archive/", {"value": True})
    assert "Hot drinks" not in sidebar()
    assert (
        'aria-label="pinned"' not in alice_client.get("/conversations/?archived=1").content.decode()
    )
    assert f"{url}pin/" not in alice_client.get(f"{url}menu/").content.decode()
    post(alice_client, f"{url}archive/", {"value": False})
    kept.refresh_from_db()
    assert (kept.archived, kept.pinned) == (False, True)
    assert "Hot drinks" in sidebar()

    post(alice_client, f"{url}archive/", {"value": True})
    assert post(alice_client, f"{url}pin/")[1]["pinned"] is True
    kept.refresh_from_db()
    assert (kept.archived, kept.pinned) == (False, True)


@pytest.mark.parametrize(("kind", "url"), [(Folder, "folders"), (Tag, "tags")])
def test_labels_are_made_renamed_and_deleted(
    alice_client: Client,
    bob_client: Client,
    alice: User,
    kind: type[Folder] | type[Tag],
    url: str,
) -> None:
    status, made = post(alice_client, f"/{url}/", {"name": "  Wo\u202erk\n 1 "})
    assert (status, made["name"]) == (201, "Work 1")
    assert post(alice_client, f"/{url}/", {"name": "Work 1"})[1] == made
    other = post(alice_client, f"/{url}/", {"name": "Other"})[1]
    taken = post(alice_client, f"/{url}/{other['id']}/rename/", {"name": "Work 1"})
    assert taken[0] == 400
    assert post(alice_client, f"/{url}/{other['id']}/rename/", {"name": "家"})[1]["name"] == "家"
    for name in ("", " \u200b ", "x" * 61):
        assert post(alice_client, f"/{url}/", {"name": name})[0] == 400
    for action in ("rename", "delete"):
        assert post(bob_client, f"/{url}/{made['id']}/{action}/", {"name": "Mine"})[0] == 404
        assert alice_client.get(f"/{url}/{made['id']}/{action}/").status_code == 405
    assert post(alice_client, f"/{url}/{made['id']}/delete/") == (204, {})
    assert [row.name for row in kind.objects.all()] == ["家"]


def test_the_number_of_labels_is_bounded(
    alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organizing, "MOST_LABELS", 1)
    assert post(alice_client, "/folders/", {"name": "One"})[0] == 201
    assert post(alice_client, "/folders/", {"name": "Two"})[0] == 400


def test_folders_keep_conversations_that_outlive_them(
    alice_client: Client, alice: User, bob: User, kept: Conversation
) -> None:
    url = f"/c/{kept.pk}/folder/"
    folder = post(alice_client, url, {"name": "Work"})[1]["folder"]
    theirs = Folder.objects.create(owner=bob, name="Theirs")
    assert post(alice_client, url, {"folder": str(theirs.pk)})[0] == 404
    assert post(alice_client, url, {"folder": "x"})[0] == 400
    kept.refresh_from_db()
    assert str(kept.folder_id) == folder
    shown = alice_client.get(f"/conversations/?folder={folder}").content.decode()
    assert "Hot drinks" in shown
    assert alice_client.get(f"/conversations/?folder={theirs.pk}").status_code == 404
    post(alice_client, f"/folders/{folder}/delete/")
    kept.refresh_from_db()
    assert kept.folder_id is None


def test_tags_are_put_on_and_taken_off(alice_client: Client, bob: User, kept: Conversation) -> None:
    url = f"/c/{kept.pk}/tags/"
    tag = post(alice_client, url, {"name": "urgent"})[1]["tag"]
    assert post(alice_client, url, {"name": "urgent"})[1]["on"] is True
    assert [row.name for row in kept.tags.all()] == ["urgent"]
    assert post(alice_client, url, {"tag": tag})[1]["on"] is False
    assert not kept.tags.exists()
    theirs = Tag.objects.create(owner=bob, name="Theirs")
    assert post(alice_client, url, {"tag": str(theirs.pk)})[0] == 404
    page = alice_client.get(f"/c/{kept.pk}/menu/").content.decode()
    assert "urgent" in page
    assert "Theirs" not in page


def test_several_at_once(alice_client: Client, alice: User, bob: User) -> None:
    mine = Conversation.objects.bulk_create(Conversation(owner=alice) for _ in range(4))
    theirs = Conversation.objects.create(owner=bob)
    keys = [str(row.pk) for row in [*mine, theirs]]
    url = "/conversations/selected/"

    def act(action: str, **fields: str) -> dict[str, object]:
        status, reply = post(alice_client, url, {"conversation": keys, "action": action, **fields})
        assert status == 200
        assert reply["changed"] == 4
        return reply

    act("archive")
    assert Conversation.objects.filter(archived=True).count() == 4
    act("unarchive")
    act("pin")
    act("move", name="Work")
    act("tag", name="urgent")
    act("tag", name="urgent")
    assert Conversation.objects.filter(folder__name="Work", tags__name="urgent").count() == 4
    act("untag", name="urgent")
    undo = str(act("delete")["undo"])
    assert Conversation.objects.filter(deleted_at=None).get() == theirs
    assert post(alice_client, undo) == (200, {"restored": 4})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"conversation": [], "action": "archive"},
        {"conversation": ["x"], "action": "archive"},
        {"conversation": [str(uuid.uuid4())], "action": "explode"},
        {"conversation": [str(uuid.uuid4())] * 501, "action": "archive"},
        {"conversation": [str(uuid.uuid4())], "action": "tag"},
        {"conversation": {"a": 1}, "action": "archive"},
    ],
)
def test_odd_selections_are_refused(alice_client: Client, fields: dict[str, object]) -> None:
    status, _reply = post(alice_client, "/conversations/selected/", fields)
    assert status == 400


@pytest.mark.parametrize("here", ["//evil.example/", "?q=tea", "?q=\r\nX: y"])
def test_a_form_leads_back_to_the_list(alice_client: Client, kept: Conversation, here: str) -> None:
    form = {"conversation": [str(kept.pk)], "action": "delete", "next": here}
    reply = alice_client.post("/conversations/selected/", form)
    assert reply.status_code == 303
    assert reply["Location"] in {"/conversations/", "/conversations/?q=tea"}
    assert b"Undo" in alice_client.get("/conversations/").content


def test_archiving_many_costs_as_much_as_one(alice_client: Client, alice: User) -> None:
    def queries(count: int) -> int:
        rows = Conversation.objects.bulk_create(Conversation(owner=alice) for _ in range(count))
        fields = {"conversation": [str(row.pk) for row in rows], "action": "archive"}
        with CaptureQueriesContext(connection) as captured:
            post(alice_client, "/conversations/selected/", fields)
        return len(captured)

    assert queries(1) == queries(200)
