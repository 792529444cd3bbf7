"""`manage.py housekeeping`: twice at once, broken off, beside people who write; and what the site does by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from accounts import services
from accounts.models import Reservation, User
from conversations import clock, kept_rows, retention, runtime
from conversations.models import ChatModel, Completion, Conversation, InstructionVersion, Message
from tests.accounts.doors import browser
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.clocks import trust_the_clock
from tests.conversations.conftest import chat_model, talk, unlimited, upstream
from tests.conversations.talk import Talk, assert_ledger_equals_counters
from tests.conversations.test_archive import download
from tests.processes import wait_for
from tests.upstream import Script, Upstream

__all__ = ["chat_model", "talk", "unlimited", "upstream"]
DAY = timedelta(days=1)


def housekeeping() -> str:
    output = StringIO()
    call_command("housekeeping", stdout=output)
    return output.getvalue()


def old_ones(user: User, count: int, **fields: Any) -> list[Conversation]:
    """So many that are due by their owner's rule, each with a message."""
    now = timezone.now()
    trust_the_clock(now)
    services.keep_conversations_for(user, days=30, now=now - 2 * DAY)
    made = [
        Conversation(owner=user, title=str(number), active_at=now - 99 * DAY, **fields)
        for number in range(count)
    ]
    Conversation.objects.bulk_create(made)
    Message.objects.bulk_create(
        Message(conversation=one, owner=user, role="user", content="Hello") for one in made
    )
    return made


def test_where_people_were_signed_in_goes_with_the_session(alice: User) -> None:
    trust_the_clock(timezone.now())
    here, out, expired = (browser("alice") for _ in range(3))
    out.post("/accounts/logout/")
    ended = Session.objects.filter(session_key=expired.session.session_key)
    ended.update(expire_date=timezone.now() - DAY)
    profile = json.loads(download(here).read("profile.json"))
    assert len(profile["sessions"]) == 1
    housekeeping()
    kept = UserSession.objects.get()
    assert kept.session_key == here.session.session_key == Session.objects.get().session_key


def test_instructions_without_an_answer_go(alice: User) -> None:
    for jumped, left in ((True, 1), (False, 0)):
        trust_the_clock(timezone.now() - timedelta(days=400 if jumped else 0))
        InstructionVersion.objects.get_or_create(
            owner=alice, digest="x", defaults={"text": "x", "created_at": timezone.now() - 2 * DAY}
        )
        housekeeping()
        assert InstructionVersion.objects.count() == left


def test_three_runs_at_once_count_each_once(alice: User, transactional_db: None) -> None:
    old_ones(alice, 25)
    old_ones(alice, 25, deleted_at=timezone.now() - DAY)
    counts = [int(said.split()[1]) for said in at_once(*[housekeeping] * 3)]
    assert sum(counts) == 50
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("in_bin", [True, False])
def test_broken_off_amid_it(
    alice: User, transactional_db: None, monkeypatch: pytest.MonkeyPatch, in_bin: bool
) -> None:
    """Each conversation is whole or gone, and the next run takes the rest."""
    old_ones(alice, 15, deleted_at=timezone.now() - DAY if in_bin else None)
    remove = retention.remove
    calls = 0

    def remove_or_break(keys: list[UUID]) -> None:
        nonlocal calls
        calls += 1
        remove(keys)
        if calls == 5:
            raise KeyboardInterrupt  # after the statements, before the commit

    monkeypatch.setattr(retention, "remove", remove_or_break)
    with pytest.raises(KeyboardInterrupt):
        housekeeping()
    assert Conversation.objects.count() == Message.objects.count() == 11
    assert housekeeping() == "conversations 11\n"
    assert not Message.objects.exists()


def test_a_cache_that_fails_breaks_nothing_off(
    alice: User, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_keys: object) -> None:
        raise OSError

    old_ones(alice, 3)
    monkeypatch.setattr(kept_rows, "_forget", fail)
    assert housekeeping() == "conversations 3\n"


def test_somebody_writes_in_what_is_due(talk: Talk, alice: User) -> None:
    """It stays and is answered, or is gone and refused; nothing is half there, and all is paid for."""
    due = [str(one.pk) for one in old_ones(alice, 6)]
    sends: list[Callable[[], object]] = [
        partial(lambda client, key: Talk(client).send("More", key).status, signed_in(alice), key)
        for key in due
    ]
    *statuses, _said = at_once(*sends, housekeeping)
    assert set(statuses) <= {201, 404, 409}
    wait_for(lambda: not Reservation.objects.exists(), what="every answer settled")
    stayed = Conversation.objects.count()
    assert statuses.count(201) == stayed
    assert Message.objects.filter(role="assistant", status="complete").count() == stayed
    assert Message.objects.count() == 3 * stayed
    assert_ledger_equals_counters(alice)
    assert housekeeping() == "conversations 0\n"


def test_an_answer_that_is_being_written_is_not_taken(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    upstream.play(Script("gated", ("One", " two")))
    sent = talk.send("Count")
    old_ones(alice, 0)
    Conversation.objects.update(active_at=timezone.now() - 99 * DAY)
    assert housekeeping() == "conversations 0\n"
    upstream.release()
    assert talk.finish(sent).content == "One two"
    Conversation.objects.update(active_at=timezone.now() - 99 * DAY)
    assert housekeeping() == "conversations 1\n"
    assert not Completion.objects.exists()
    assert_ledger_equals_counters(alice)


def test_the_site_does_it_by_itself(
    chat_model: ChatModel, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bin and what is due by its age, without the command; not sessions, which are refused anyway."""
    monkeypatch.setattr(runtime, "REAP_SECONDS", 0.05)
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 0)
    signed_in(alice)
    old_ones(alice, 15)
    old_ones(alice, 15, deleted_at=timezone.now() - DAY)
    runtime.engine()
    wait_for(lambda: not Conversation.objects.exists(), what="all that is due removed")
    assert Session.objects.count() == 1


def test_the_documents_say_how_often() -> None:
    said = " ".join((Path(settings.BASE_DIR) / "README.md").read_text(encoding="utf-8").split())
    assert (runtime.REAP_SECONDS, runtime.LOOK_SECONDS) == (5, 60)
    assert timedelta(minutes=10) == retention.KEPT_FOR_UNDO
    assert (clock.TRUSTED_AFTER, clock.LONGEST_PAUSE) == (DAY, 8 * DAY)
    for words in ("every five seconds", "once a minute", "ten minutes ago", "eight days", "a day"):
        assert words in said
