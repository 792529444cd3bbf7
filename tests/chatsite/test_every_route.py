"""Every route of the site, walked: strangers get 404, the signed-out are sent to sign in, nobody gets a 500.

A new route is in here without anyone thinking of it; one that takes an argument this file does not know fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from conversations.models import (
    ChatModel,
    Completion,
    Conversation,
    Endpoint,
    Folder,
    Message,
    RolePreset,
    Tag,
)

WEBAPP = ("manifest.webmanifest", "sw.js", "offline/")
# Open to everyone: what one needs before signing in, and fixed small files.
PUBLIC = ("accounts/", "setup/", "language/", "robots.txt", "favicon.ico", ".well-known/", *WEBAPP)
METHODS = ("get", "post", "put", "delete", "patch")


def routes() -> Iterator[tuple[str, dict[str, type]]]:
    """Every pattern outside the admin as its route and the arguments it takes."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, dict[str, type]]]:
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                if entry.app_name != "admin":
                    yield from walk(entry.url_patterns, route)
            elif isinstance(entry, URLPattern):
                yield route, entry.pattern.converters

    yield from walk(get_resolver().url_patterns, "")


ROUTES = [route for route, _converters in routes()]
PRIVATE = [route for route in ROUTES if not route.startswith(PUBLIC)]


@pytest.fixture
def ids(alice: User) -> dict[str, object]:
    """Alice's own, by the name of the argument that takes it."""
    endpoint = Endpoint.objects.create(name="none", base_url="http://127.0.0.1:9/v1")
    model = ChatModel.objects.create(endpoint=endpoint, name="none", is_default=True)
    conversation = Conversation.objects.create(owner=alice, title="Private")
    question = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content="Private question"
    )
    answer = Message.objects.create(
        conversation=conversation,
        owner=alice,
        parent=question,
        role="assistant",
        content="Private answer",
    )
    completion = Completion.objects.create(
        message=answer,
        conversation=conversation,
        chat_model=model,
        model_name=model.name,
        status="complete",
    )
    conversation.current_leaf = answer
    conversation.save()
    session = UserSession.objects.create(
        user=alice, session_key="elsewhere", ip="127.0.0.1", user_agent="Another browser"
    )
    preset = RolePreset.objects.create(owner=alice, name="Private", instruction="Private")
    return {
        "preset_id": preset.pk,
        "number": 1,
        "session_id": session.pk,
        "conversation_id": conversation.pk,
        "message_id": answer.pk,
        "completion_id": completion.pk,
        "folder_id": Folder.objects.create(owner=alice, name="Private").pk,
        "tag_id": Tag.objects.create(owner=alice, name="Private").pk,
    }


def address(route: str, ids: Mapping[str, object]) -> str:
    for name, value in ids.items():
        kind = "uuid" if isinstance(value, UUID) else "int"
        route = route.replace(f"<{kind}:{name}>", str(value))
    assert "<" not in route, f"{route} takes an argument that this test does not know"
    return "/" + route


def test_there_are_routes() -> None:
    assert len(PRIVATE) > 15


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", [route for route in PRIVATE if "<" in route])
def test_stranger_gets_404(
    bob_client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    response = getattr(bob_client, method)(address(route, ids))
    assert response.status_code in {404, 405}
    assert b"Private" not in response.content
    assert Conversation.objects.filter(title="Private").exists()
    if response.status_code == 404:
        missing = {
            name: UUID(int=7) if isinstance(key, UUID) else 10**6 for name, key in ids.items()
        }
        same = getattr(bob_client, method)(address(route, missing))
        assert same.status_code == 404


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", PRIVATE)
def test_signed_out_is_sent_to_sign_in(
    client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    url = address(route, ids)
    response = getattr(client, method)(url)
    assert response.status_code in {302, 401, 405}
    if response.status_code == 302:
        assert response["Location"].startswith("/accounts/login/")
    program = getattr(client, method)(url, HTTP_ACCEPT="application/json")
    assert program.status_code in {302, 401, 405}
    assert b"Private" not in response.content + program.content


@pytest.mark.parametrize("route", PRIVATE)
def test_suspended_is_signed_out(
    alice: User, alice_client: Client, ids: dict[str, object], route: str
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    response = alice_client.get(address(route, ids))
    assert response.status_code in {302, 401, 405}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", PRIVATE)
def test_staff_reads_no_one_elses(
    sasha_client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    if "<" in route:
        assert getattr(sasha_client, method)(address(route, ids)).status_code in {404, 405}


@pytest.mark.parametrize("route", [route for route in PRIVATE if "<" in route])
def test_post_without_the_csrf_token_is_refused(
    alice: User, ids: dict[str, object], route: str
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(address(route, ids)).status_code in {403, 405}
    assert Conversation.objects.filter(title="Private").exists()
