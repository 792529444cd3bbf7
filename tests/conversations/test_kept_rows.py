"""What is deleted for good is gone from the cache of rendered messages, too, by whichever way it was deleted."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from redis import Redis

from accounts import services
from accounts.models import User
from conversations import deletion, expiry, kept_rows, retention
from conversations.models import Conversation
from conversations.views import rows
from tests.conftest import PASSWORD, signed_in
from tests.conversations.clocks import trust_the_clock
from tests.conversations.test_costs import grow

MARK = re.compile(rb"Message \d")
MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DATABASE = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_of_a_test",
        "KEY_PREFIX": "chatsite",
    }
}


@pytest.fixture(params=["memory", "database", pytest.param("redis", marks=pytest.mark.services)])
def stored(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any
) -> Iterator[Callable[[], list[bytes]]]:
    """Everything that the cache has, as it lies there."""
    if request.param == "redis":
        address = str(site_settings.CACHES["default"]["LOCATION"])
        yield lambda: _in_redis(address)
    elif request.param == "memory":
        settings.CACHES = MEMORY
        cache.clear()
        yield lambda: list(cache._cache.values())  # type: ignore[attr-defined]
    else:
        settings.CACHES = DATABASE
        call_command("createcachetable", verbosity=0)
        yield _in_database
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE cache_of_a_test")


def _in_database() -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM cache_of_a_test")
        return [b64decode(value) for (value,) in cursor.fetchall()]


def _in_redis(address: str) -> list[bytes]:
    with Redis.from_url(address) as redis:
        return [value for key in redis.scan_iter() if (value := redis.get(key))]


def has_text(stored: Callable[[], list[bytes]]) -> bool:
    return any(MARK.search(value) for value in stored())


def in_the_bin(user: User) -> None:
    now = timezone.now()
    Conversation.objects.filter(owner=user).update(deleted_at=now - timedelta(hours=1))
    retention.purge_deleted(now)


def by_retention(user: User) -> None:
    long_ago = timezone.now() - timedelta(days=99)
    Conversation.objects.filter(owner=user).update(active_at=long_ago)
    services.keep_conversations_for(user, days=30, now=timezone.now() - timedelta(days=2))
    trust_the_clock(timezone.now())
    expiry.remove_unused(timezone.now())


def by_leaving(user: User) -> None:
    signed_in(user).post("/settings/data/delete/", {"password": PASSWORD})


def by_an_administrator(user: User) -> None:
    services.delete_account(User.objects.get(pk=user.pk), now=timezone.now())


@pytest.mark.parametrize("delete", [in_the_bin, by_retention, by_leaving, by_an_administrator])
def test_forgotten(
    stored: Callable[[], list[bytes]], alice: User, bob: User, delete: Callable[[User], None]
) -> None:
    pages = {user: f"/c/{grow(user, 0, 4).pk}/" for user in (alice, bob)}
    for user, page in pages.items():
        assert b"Message 3" in signed_in(user).get(page).content
    before = [value for value in stored() if MARK.search(value)]
    assert len(before) == 8
    delete(alice)
    assert Conversation.objects.count() == 1
    assert sum(bool(MARK.search(value)) for value in stored()) == 4  # those of Bob
    delete(bob)
    assert not has_text(stored)


def test_deleted_while_it_is_rendered(
    stored: Callable[[], list[bytes]],
    alice: User,
    alice_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = f"/c/{grow(alice, 0, 4).pk}/"

    def render_and_delete(*args: Any) -> str:
        html = render_to_string(*args)
        deletion.erase_conversations(alice, now=timezone.now())
        return html

    monkeypatch.setattr(rows, "render_to_string", render_and_delete)
    alice_client.get(page)
    assert not Conversation.objects.exists()
    assert not has_text(stored)


def test_what_another_process_still_has_in_memory_is_out_of_reach(
    alice: User,
    alice_client: Client,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after `manage.py housekeeping` beside a site that keeps its cache in memory."""
    conversation = grow(alice, 0, 4)
    keys = list(conversation.messages.values_list("pk", flat=True))
    pages = [f"/c/{conversation.pk}/", *(f"/messages/{key}/" for key in keys)]
    assert [alice_client.get(page).status_code for page in pages] == [200] * 5
    monkeypatch.setattr(kept_rows, "_forget", lambda messages: None)
    in_the_bin(alice)
    assert len(kept_rows.find(keys)) == 4
    for page in pages:
        reply = alice_client.get(page)
        assert reply.status_code == 404
        assert not MARK.search(reply.content)


def test_a_deletion_that_is_rolled_back_forgets_nothing(
    stored: Callable[[], list[bytes]],
    alice: User,
    alice_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice_client.get(f"/c/{grow(alice, 0, 4).pk}/")
    monkeypatch.setattr(User, "delete", None)
    with pytest.raises(TypeError):
        services.delete_account(alice, now=timezone.now())
    assert has_text(stored)


def test_many_messages_in_few_commands(alice: User, transactional_db: None) -> None:
    long = grow(alice, 0, 2 * kept_rows.AT_ONCE + 1)
    keys = list(long.messages.values_list("pk", flat=True))
    kept_rows.keep({key: ("mark", "Message 1") for key in keys}, [long.pk])
    assert len(kept_rows.find(keys)) == len(keys)
    deletion.erase_conversations(alice, now=timezone.now())
    assert not kept_rows.find(keys)


def test_no_cache_stops_no_deletion(alice: User, transactional_db: None, settings: Any) -> None:
    """One in the database whose table is missing, say."""
    grow(alice, 0, 4)
    settings.CACHES = DATABASE
    deletion.erase_conversations(alice, now=timezone.now())
    assert not Conversation.objects.exists()
