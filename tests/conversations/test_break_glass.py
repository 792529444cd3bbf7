"""Another person's chats: closed to everybody, opened with a reason for an hour, and never without a trace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from conversations.models import Conversation, Message
from tests.conftest import PASSWORD, signed_in

REASON = "A complaint that came in on 3 May"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def chat(alice: User) -> Conversation:
    found = Conversation.objects.create(owner=alice, title="About <tea>")
    asked = Message.objects.create(
        conversation=found, owner=alice, role="user", content="Which **tea**?"
    )
    found.current_leaf = Message.objects.create(
        conversation=found, owner=alice, role="assistant", parent=asked, content="Oolong & more"
    )
    found.save()
    return found


@pytest.fixture
def reader(root: User) -> Client:
    """The administrator, who has just given the password."""
    client = Client()
    client.post("/accounts/login/", {"login": "root", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def opened(reader: Client, person: User) -> str:
    """The address of the list, once the glass is broken."""
    url = f"/people/{person.pk}/chats/"
    assert reader.post(url, {"reason": REASON}).status_code == 303
    return url


def test_with_a_reason_for_an_hour(reader: Client, alice: User, chat: Conversation) -> None:
    url = f"/people/{alice.pk}/chats/"
    page = reader.get(url).content.decode()
    assert "alice" in page
    assert "About" not in page
    assert reader.get(f"{url}c/{chat.pk}/")["Location"] == url
    opened(reader, alice)
    assert "About &lt;tea&gt;" in reader.get(url).content.decode()
    read = reader.get(f"{url}c/{chat.pk}/").content.decode()
    assert "Which **tea**?" in read
    assert "Oolong &amp; more" in read


def test_after_an_hour_it_is_closed_again(
    reader: Client, alice: User, chat: Conversation, root: User
) -> None:
    url = f"/people/{alice.pk}/chats/"
    for minutes in (61, -5):  # a clock that was set back opens nothing
        at = timezone.now() - timedelta(minutes=minutes)
        AuditEntry.objects.create(at=at, action="glass_broken", actor=root, subject=alice)
    assert "About" not in reader.get(url).content.decode()
    assert reader.get(f"{url}c/{chat.pk}/").status_code == 303


def test_a_mail_that_cannot_be_sent_is_no_error(
    transactional_db: None, reader: Client, alice: User, chat: Conversation, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    alice.email = "alice@example.org"
    alice.save()
    assert reader.get(f"{opened(reader, alice)}c/{chat.pk}/").status_code == 200
    assert REASON in signed_in(alice).get("/settings/activity/").content.decode()


def test_the_person_learns_of_it(
    transactional_db: None, reader: Client, alice: User, chat: Conversation, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://mail.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    alice.email = "alice@example.org"
    alice.save()
    url = opened(reader, alice)
    for _twice in range(2):
        reader.get(f"{url}c/{chat.pk}/")
    page = signed_in(alice).get("/settings/activity/").content.decode()
    assert REASON in page
    assert "by root" in page
    assert page.count(f'href="/c/{chat.pk}/"') == 1
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.org"]
    assert REASON in sent.body


def test_the_log_names_every_chat_and_tells_nothing_of_it(
    reader: Client, alice: User, chat: Conversation
) -> None:
    """Others read it, and it stays when the chat is deleted."""
    namesake = Conversation.objects.create(owner=alice, title=chat.title)
    url = opened(reader, alice)
    for one in (chat, namesake, chat):
        assert reader.get(f"{url}c/{one.pk}/").status_code == 200
    entries = AuditEntry.objects.filter(action="chat_read").order_by("pk")
    assert [*entries.values_list("target", flat=True)] == [str(chat.pk), str(namesake.pk)]
    assert "tea" not in reader.get("/admin/accounts/auditentry/").content.decode()
    assert "Show the chat" not in reader.get("/settings/activity/").content.decode()


@pytest.mark.parametrize("reason", ["", "   ", "too short", "x" * 501])
def test_not_without_a_reason(reader: Client, alice: User, reason: str) -> None:
    response = reader.post(f"/people/{alice.pk}/chats/", {"reason": reason})
    assert response.status_code == 400
    assert not AuditEntry.objects.filter(action="glass_broken").exists()


def test_nobody_else_finds_such_a_page(alice: User, bob: User, chat: Conversation) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client = signed_in(bob)
    for url in (f"/people/{alice.pk}/chats/", f"/people/{alice.pk}/chats/c/{chat.pk}/"):
        assert client.get(url).status_code == 404
    assert client.post(f"/people/{alice.pk}/chats/", {"reason": REASON}).status_code == 404


def test_whoever_has_the_permission_may_but_not_with_administrators(
    alice: User, bob: User, root: User
) -> None:
    bob.user_permissions.add(Permission.objects.get(codename="break_glass"))
    client = Client()
    client.post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert client.get(f"/people/{alice.pk}/chats/").status_code == 200
    assert client.get(f"/people/{root.pk}/chats/").status_code == 404


def test_one_glass_opens_one_persons_chats(
    reader: Client, alice: User, bob: User, chat: Conversation, root: User
) -> None:
    url = opened(reader, bob)
    assert "About" not in reader.get(f"/people/{alice.pk}/chats/").content.decode()
    assert reader.get(f"{url}c/{chat.pk}/").status_code == 404
    other = User.objects.create_superuser("other", password=PASSWORD)
    assert "Open the chats" in signed_in(other).get(url).content.decode()


def test_the_password_is_asked_for_again(root: User, alice: User) -> None:
    client = signed_in(root)
    response = client.post(f"/people/{alice.pk}/chats/", {"reason": REASON})
    assert "/accounts/reauthenticate/" in response["Location"]
    assert not AuditEntry.objects.filter(action="glass_broken").exists()
    client.post(response["Location"], {"password": PASSWORD})
    assert AuditEntry.objects.get(action="glass_broken").reason == REASON  # nothing is typed again


def test_the_administration_leads_there(reader: Client, alice: User) -> None:
    page = reader.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert f'href="/people/{alice.pk}/chats/"' in page
