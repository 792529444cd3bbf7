"""A person deletes their own account: asked for the password, told what stays, and gone from every table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import api_keys
from accounts.leaving import is_last_administrator
from accounts.models import AuditEntry, Reservation, UsageRecord, User
from conversations.models import (
    Conversation,
    Folder,
    RolePreset,
    Tag,
)
from conversations.presets import save_preset
from tests.conftest import PASSWORD, make_user, signed_in
from tests.conversations.talk import Talk, record_of
from tests.upstream import Script, Upstream

ADDRESS = "/settings/data/delete/"
MARK = "Xylophone7"


def where_is(text: str) -> list[str]:
    """The columns of all tables of the database, ours or not, in which this text occurs."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            quoted = connection.ops.quote_name(table)
            for column in connection.introspection.get_table_description(cursor, table):
                name = connection.ops.quote_name(column.name)
                cursor.execute(
                    f"SELECT COUNT(*) FROM {quoted} WHERE CAST({name} AS text) LIKE %s",  # noqa: S608 (names of our own tables)
                    [f"%{text}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"{table}.{column.name}")
    return found


def leave(client: Client, password: str = PASSWORD) -> Any:
    return client.post(ADDRESS, {"password": password})


def test_nothing_of_the_text_is_left(
    talk: Talk, upstream: Upstream, alice: User, bob: User
) -> None:
    User.objects.filter(pk=alice.pk).update(
        custom_instructions=f"Say {MARK}.", first_name=MARK, last_name=MARK
    )
    preset = RolePreset(owner=alice, name=MARK, instruction=f"{MARK} {{{{topic}}}}")
    preset.few_shot_turns = [{"role": role, "content": MARK} for role in ("user", "assistant")]
    save_preset(preset)
    preset.greeting = MARK
    save_preset(preset)
    upstream.play(Script("reasoning", (f"An answer about {MARK}.",)))
    sent = talk.send(f"A question about {MARK}", preset=str(preset.pk))
    talk.finish(sent)
    conversation = Conversation.objects.get(pk=sent.body["conversation"])
    conversation.folder = Folder.objects.create(owner=alice, name=MARK)
    conversation.preset_variables = {"topic": MARK}
    conversation.save()
    conversation.tags.add(Tag.objects.create(owner=alice, name=MARK))
    Conversation.objects.create(owner=alice, title=MARK, deleted_at=timezone.now())
    api_keys.create_key(alice, name=MARK, scopes=["chat"], now=timezone.now())
    talk.client.get(f"/c/{conversation.pk}/")
    assert len(where_is(MARK)) > 10
    reply = leave(talk.client)
    assert (reply.status_code, reply["Location"]) == (303, "/accounts/deleted/")
    assert where_is(MARK) == []
    assert where_is("alice") == []
    record = UsageRecord.objects.get()
    assert (record.user, record.api_key, record.requests) == (None, None, 1)
    assert User.objects.get() == bob
    gone = AuditEntry.objects.get(action="account_deleted")
    assert (gone.actor, gone.subject, gone.address) == (None, None, None)


def test_a_running_answer_is_ended_and_paid_for(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("One two three",)))
    reply = talk.send("Count")
    events = talk.events(reply, format="text")
    assert next(events).data["text"] == "One two three"
    row = reply.completion
    leave(talk.client)
    assert upstream.chats[-1].wait_closed(2)
    assert [event.name for event in events][-1] == "end"
    assert not Reservation.objects.exists()
    record = record_of(row)
    assert (record.user, record.outcome, record.requests) == (None, "stopped", 1)


def test_every_session_and_key_ends(alice: User, alice_client: Client) -> None:
    elsewhere = Client()
    elsewhere.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert elsewhere.get("/settings/data/").status_code == 200
    made = api_keys.create_key(alice, name="Script", scopes=["read"], now=timezone.now())
    assert made is not None
    key = {"authorization": f"Bearer {made[1]}"}
    assert Client().get("/api/v1/conversations", headers=key).status_code == 200
    leave(alice_client)
    for client in (alice_client, elsewhere):
        assert client.get("/settings/data/").status_code == 302
    assert Client().get("/api/v1/conversations", headers=key).status_code == 401
    assert not Session.objects.exists()
    assert signed_out_page(elsewhere)


def signed_out_page(client: Client) -> bool:
    reply = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    return reply.status_code == 200 and not client.session.get("_auth_user_id")


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
def test_the_password_is_asked_for(alice_client: Client, password: str) -> None:
    reply = leave(alice_client, password)
    assert reply.status_code == 400
    assert 'aria-invalid="true"' in reply.content.decode()
    assert User.objects.get().username == "alice"


def test_guessing_is_slowed_down(alice_client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/m/ip"}
    for _ in range(2):
        leave(alice_client, "wrong")
    assert leave(alice_client).status_code == 400
    assert User.objects.exists()


def test_without_a_password_by_what_there_is(alice: User, alice_client: Client) -> None:
    """Nothing else of theirs can be asked for here; allauth's own question comes first where it can."""
    alice.set_unusable_password()
    alice.save()
    client = signed_in(alice)
    page = client.get(ADDRESS).content.decode()
    assert 'name="password"' not in page
    assert client.post(ADDRESS).status_code == 303
    assert not User.objects.exists()


def test_the_last_administrator_is_kept(sasha: User, sasha_client: Client) -> None:
    page = sasha_client.get(ADDRESS)
    assert "only administrator" in page.content.decode()
    assert 'name="password"' not in page.content.decode()
    refused = leave(sasha_client)
    assert refused.status_code == 409
    other = make_user("other", superuser=True)
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert is_last_administrator(sasha)
    User.objects.filter(pk=other.pk).update(is_active=True)
    assert leave(sasha_client).status_code == 303
    assert User.objects.get() == other


def test_what_the_page_says(alice: User, alice_client: Client) -> None:
    Conversation.objects.bulk_create(Conversation(owner=alice, title="x") for _ in range(3))
    page = alice_client.get(ADDRESS).content.decode()
    assert "3 conversations" in page
    assert "numbers without your name" in page
    assert "copies of role presets" not in page
    save_preset(RolePreset(owner=alice, name="Tutor", instruction="Teach.", shared=True))
    assert "copies of role presets" in alice_client.get(ADDRESS).content.decode()


def test_the_farewell(alice_client: Client, client: Client) -> None:
    assert leave(alice_client)["Clear-Site-Data"] == '"cache", "storage"'
    page = alice_client.get("/accounts/deleted/")
    assert "Your account has been deleted" in page.content.decode()
    assert client.get("/accounts/deleted/").status_code == 200


def test_a_mail_where_mail_is_configured(
    alice_client: Client, bob_client: Client, settings: Any
) -> None:
    leave(bob_client)
    assert not mail.outbox
    settings.EMAIL_URL = "smtp://localhost"
    leave(alice_client)
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.org"]
    assert "“alice” has been deleted" in sent.body


def test_a_mail_that_fails_keeps_nobody(
    alice_client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert leave(alice_client).status_code == 303
    assert not User.objects.exists()


def test_many_conversations_in_short_transactions(alice: User, alice_client: Client) -> None:
    Conversation.objects.bulk_create(Conversation(owner=alice, title="x") for _ in range(50))
    leave(alice_client)
    assert not Conversation.objects.exists()
