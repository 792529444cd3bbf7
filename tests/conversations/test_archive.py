"""Everything of a person as one ZIP file: complete, theirs alone, safe to unpack, and made in small pieces."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.models import AuditEntry, UsageRecord, User
from conversations.models import Completion, Conversation, Folder, Message, RolePreset, Tag
from conversations.preset_files import read_file
from conversations.presets import save_preset
from conversations.transfer.archive import archive_of
from conversations.views.data import Lease
from tests.conftest import signed_in
from tests.conversations.talk import Talk
from tests.upstream import Script, Upstream


def download(client: Client) -> zipfile.ZipFile:
    response = client.post("/settings/data/download/")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))
    assert archive.testzip() is None
    return archive


def conversations_in(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    names = [name for name in archive.namelist() if name.startswith("conversations/")]
    return [json.loads(archive.read(name)) for name in names if name.endswith(".json")]


def say(conversation: Conversation, role: str, content: str, **more: Any) -> Message:
    return Message.objects.create(
        conversation=conversation, owner=conversation.owner, role=role, content=content, **more
    )


def test_a_conversation_with_all_its_branches(talk: Talk, upstream: Upstream, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(custom_instructions="Be brief.")
    upstream.play(Script("reasoning", ("First answer.",)))
    first = talk.send("A question", temperature="0.5")
    talk.finish(first)
    talk.client.post(f"/messages/{first.body['answer']}/feedback/", {"value": "up"})
    upstream.play(Script("answer", ("Second answer.",)))
    again = talk.post(f"/completions/{first.body['completion']}/regenerate/")
    talk.finish(again)
    archive = download(talk.client)
    assert AuditEntry.objects.filter(action="exported", subject=alice).count() == 1
    (whole,) = conversations_in(archive)
    question, one, two = whole["messages"]
    assert (question["content"], question["parent"]) == ("A question", None)
    assert one["parent"] == two["parent"] == question["id"]
    assert [one["content"], two["content"]] == ["First answer.", "Second answer."]
    assert one["reasoning"]
    assert (one["feedback"], two["feedback"]) == ("up", "")
    assert whole["current_leaf"] == two["id"]
    (completion,) = one["completions"]
    assert completion["model"] == "fake"
    assert completion["parameters"]["temperature"] == 0.5
    (version,) = completion["prompt"]["instructions"]
    assert whole["instructions"][str(version)] == "Be brief."
    (sent,) = json.loads(archive.read("instructions.json"))
    assert (sent["id"], sent["text"]) == (version, "Be brief.")
    text = archive.read("conversations/00001 A question.md").decode()
    assert text.startswith("# A question\n\n## You · ")
    assert "Second answer." in text
    assert "First answer." not in text


def test_everything_else_of_mine(alice: User, alice_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(custom_instructions="Call me Al.", theme="dark")
    Folder.objects.create(owner=alice, name="Work")
    Tag.objects.create(owner=alice, name="urgent")
    save_preset(RolePreset(owner=alice, name="Tutor", instruction="Teach."))
    now = timezone.now()
    made = api_keys.create_key(alice, name="=1+1", scopes=["chat"], now=now)
    assert made is not None
    key, text = made
    UsageRecord.objects.create(
        user=alice,
        api_key=key,
        day=date(2026, 11, 1),
        month=date(2026, 11, 1),
        outcome="reset",
        model_name="=HYPERLINK(1)",
        requests=-3,
        actor="sasha",
        money=Decimal("0.5"),
    )
    archive = download(alice_client)
    profile = json.loads(archive.read("profile.json"))
    assert (profile["username"], profile["theme"]) == ("alice", "dark")
    assert profile["custom_instructions"] == "Call me Al."
    assert profile["email_addresses"] == [
        {"email": "alice@example.org", "verified": True, "primary": True}
    ]
    assert json.loads(archive.read("folders-and-tags.json")) == {
        "folders": ["Work"],
        "tags": ["urgent"],
    }
    assert [one["name"] for one in read_file(archive.read("role-presets-1.json")).contents] == [
        "Tutor"
    ]
    assert json.loads(archive.read("api-keys.json"))[0]["beginning"] == key.shown
    rows = list(csv.DictReader(io.StringIO(archive.read("usage.csv").decode("utf-8-sig"))))
    assert [(row["model_name"], row["requests"], row["api_key"]) for row in rows] == [
        ("'=HYPERLINK(1)", "-3", f"'=1+1 ({key.shown})")
    ]
    read_me = archive.read("README.txt").decode()
    assert "What Chatsite keeps of alice" in read_me
    assert "只有您自己知道" in read_me
    whole = b"".join(map(archive.read, archive.namelist())).decode()
    for secret in (text, text.rsplit("_", 1)[1], key.secret_hash, alice.password, "sasha"):
        assert secret not in whole


def test_nobody_elses(alice: User, bob: User, alice_client: Client) -> None:
    for owner in (alice, bob):
        conversation = Conversation.objects.create(owner=owner, title=f"Of {owner.username}")
        say(conversation, "user", f"Said by {owner.username}")
        Folder.objects.create(owner=owner, name=f"Folder of {owner.username}")
        save_preset(RolePreset(owner=owner, name=f"Role of {owner.username}", instruction="x"))
    Conversation.objects.create(owner=alice, title="Thrown away", deleted_at=timezone.now())
    archive = download(alice_client)
    whole = b"".join(map(archive.read, archive.namelist())).decode() + str(archive.namelist())
    assert "Said by alice" in whole
    assert "bob" not in whole
    assert "Thrown away" not in whole


def test_titles_make_safe_names(alice: User, alice_client: Client) -> None:
    titles = ["../../etc/passwd", "same", "same", "\u202egnp.exe", "🦉" * 200, "CON", ""]
    for title in titles:
        Conversation.objects.create(owner=alice, title=title)
    names = download(alice_client).namelist()
    assert len(set(names)) == len(names) == 10 + 2 * len(titles)
    for name in names:
        assert ".." not in name
        assert name.count("/") == name.startswith("conversations/")
        assert len(name.encode()) < 200


def test_presets_in_files_that_can_be_imported(alice: User, alice_client: Client) -> None:
    turns = [{"role": role, "content": "中" * 8000} for role in ("user", "assistant")] * 4
    RolePreset.objects.bulk_create(
        RolePreset(owner=alice, name=f"Role {number}", instruction="x", few_shot_turns=turns)
        for number in range(12)
    )
    archive = download(alice_client)
    files = [name for name in archive.namelist() if name.startswith("role-presets-")]
    assert len(files) > 1
    found = [read_file(archive.read(name)) for name in files]
    assert not any(one.problems for one in found)
    assert sum(len(one.contents) for one in found) == 12


def test_one_at_a_time(alice: User, bob_client: Client, alice_client: Client) -> None:
    first = alice_client.post("/settings/data/download/")
    parts = iter(first)
    next(parts)
    refused = signed_in(alice).post("/settings/data/download/")
    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert bob_client.post("/settings/data/download/").status_code == 200
    list(parts)
    download(alice_client)
    download(alice_client)


def test_what_broke_off_is_forgotten(alice: User) -> None:
    gone, fresh = Lease(alice), Lease(alice)
    assert gone.take()
    assert not fresh.take()
    cache.delete(gone.key)  # as time does
    assert fresh.take()
    gone.give_back()
    assert not Lease(alice).take()


def test_a_session_that_ends_takes_its_download_along(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.views.data.RECHECK_SECONDS", 0)
    Conversation.objects.create(owner=alice, title="Secret")
    response = alice_client.post("/settings/data/download/")
    parts = iter(response)
    next(parts)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    rest = b"".join(parts)
    assert b"Secret" not in rest


def test_long_and_many_in_little_memory(alice: User) -> None:
    """And in few queries for each: a person's thousands of conversations take no longer than they must."""
    now = timezone.now()
    for number in range(40):
        conversation = Conversation.objects.create(owner=alice, title=f"Number {number}")
        Message.objects.bulk_create(
            Message(conversation=conversation, owner=alice, role="user", content="word " * 20_000)
            for _ in range(30 if number == 20 else 5)
        )
    with CaptureQueriesContext(connection) as queries:
        tracemalloc.start()
        size = largest = 0
        for part in archive_of(alice, now=now):
            size += len(part)
            largest = max(largest, len(part))
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert largest < 200_000
    assert peak < 12_000_000  # of 23 MB; twenty messages at once are two
    assert len(queries) < 40 * 9 + 40


def test_the_page(alice_client: Client, client: Client) -> None:
    page = alice_client.get("/settings/data/").content.decode()
    assert "Download everything" in page
    assert client.get("/settings/data/").status_code == 302
    assert alice_client.get("/settings/data/download/").status_code == 405


def test_answers_of_several_attempts(alice: User, alice_client: Client) -> None:
    conversation = Conversation.objects.create(owner=alice, title="Attempts")
    question = say(conversation, "user", "Q")
    answer = say(conversation, "assistant", "A", parent=question, status="stopped")
    for model in ("one", "two"):
        Completion.objects.create(
            message=answer, conversation=conversation, model_name=model, status="stopped"
        )
    Conversation.objects.update(current_leaf=answer)
    archive = download(alice_client)
    (whole,) = conversations_in(archive)
    assert [one["model"] for one in whole["messages"][1]["completions"]] == ["one", "two"]
    assert "*(stopped)*" in archive.read("conversations/00001 Attempts.md").decode()
