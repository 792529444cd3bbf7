"""An archive is made while people go on: whatever they do meanwhile, it stays sound, and each file is whole."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import User
from conversations import deletion, retention
from conversations.models import Conversation, Message, RolePreset
from conversations.presets import save_preset
from conversations.transfer import documents
from conversations.transfer.archive import archive_of
from tests.at_once import at_once
from tests.conversations.talk import Talk
from tests.conversations.test_archive import conversations_in, download, say
from tests.upstream import Script, Upstream

LONG = "word " * 20_000


def opened(parts: Iterator[bytes]) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert found.testzip() is None
    for name in found.namelist():
        text = found.read(name).decode()
        if name.endswith(".json"):
            json.loads(text)
    return found


@pytest.fixture
def three(alice: User, monkeypatch: pytest.MonkeyPatch) -> list[Conversation]:
    """Each too long for one piece; messages are read two at a time."""
    monkeypatch.setattr(documents, "AT_ONCE", 2)
    made = [Conversation.objects.create(owner=alice, title=str(n)) for n in range(3)]
    for conversation in made:
        for _ in range(8):
            say(conversation, "user", LONG)
    return made


def purge(conversation: Conversation) -> None:
    deletion.delete_conversations(conversation.owner, [conversation.pk], now=timezone.now())
    retention.purge_deleted(timezone.now() + retention.KEPT_FOR_UNDO * 2)


def until_in_the_second(parts: Iterator[bytes], seen: list[str]) -> Iterator[bytes]:
    for part in parts:
        yield part
        if "1" in seen:
            return


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the conversations whose messages have begun to be read."""
    titles: list[str] = []
    as_json = documents.as_json

    def noted(conversation: Conversation) -> Iterator[str]:
        titles.append(conversation.title)
        yield from as_json(conversation)

    monkeypatch.setattr(documents, "as_json", noted)
    return titles


@pytest.mark.parametrize("number", [1, 2])
def test_a_conversation_is_deleted_for_good(
    alice: User, three: list[Conversation], seen: list[str], number: int
) -> None:
    parts = archive_of(alice, now=timezone.now())
    before = list(until_in_the_second(parts, seen))
    purge(three[number])
    found = opened(iter([*before, *parts]))
    counts = [len(one["messages"]) for one in conversations_in(found)]
    assert counts[0] == 8
    assert all(count == 8 for index, count in enumerate(counts) if index != number)
    assert sum(counts) < 24


def test_messages_are_written(alice: User, three: list[Conversation], seen: list[str]) -> None:
    parts = archive_of(alice, now=timezone.now())
    before = list(until_in_the_second(parts, seen))
    for conversation in three:
        say(conversation, "user", "Later")
    Conversation.objects.create(owner=alice, title="Newer")
    save_preset(RolePreset(owner=alice, name="Newer", instruction="x"))
    found = opened(iter([*before, *parts]))
    assert [len(one["messages"]) for one in conversations_in(found)] == [8, 8, 9]


def test_the_account_is_deleted(alice: User, three: list[Conversation], seen: list[str]) -> None:
    parts = archive_of(alice, now=timezone.now())
    before = list(until_in_the_second(parts, seen))
    person = User.objects.get(pk=alice.pk)
    deletion.erase_conversations(person, now=timezone.now())
    services.delete_account(person, now=timezone.now())
    found = opened(iter([*before, *parts]))
    assert len(conversations_in(found)[0]["messages"]) == 8


def test_an_answer_is_being_written(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One", " two")))
    sent = talk.send("Count")
    (whole,) = conversations_in(download(talk.client))
    question, answer = whole["messages"]
    assert (question["content"], answer["status"]) == ("Count", "running")
    upstream.release()
    assert talk.finish(sent).content == "One two"
    (whole,) = conversations_in(download(talk.client))
    assert whole["messages"][1]["content"] == "One two"


def test_really_at_once(alice: User, transactional_db: None) -> None:
    conversations = [Conversation.objects.create(owner=alice, title=str(n)) for n in range(10)]

    def write() -> object:
        for number in range(40):
            say(conversations[number % 5 * 2 + 1], "user", f"Number {number}")
        return None

    def delete() -> object:
        for conversation in conversations[::2]:
            purge(conversation)
        return None

    def make() -> Any:
        return opened(archive_of(alice, now=timezone.now()))

    first, second, *_others = at_once(make, make, delete, write)
    for found in (first, second):
        assert {one["title"] for one in conversations_in(found)} >= {"1", "3", "5", "7", "9"}
    assert Message.objects.filter(conversation__in=conversations[1::2]).count() == 40
