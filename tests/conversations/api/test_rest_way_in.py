"""Who is let in to `/api/v1/`: on every route the holder of a valid key with the right scopes, and nobody else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import api_keys, services
from accounts.models import ApiKey, Scope, User
from conversations.models import Conversation
from tests.conftest import signed_in
from tests.conversations.api.programs import (
    EVERYTHING,
    ROOT,
    Program,
    address,
    operations,
    refused,
    reply,
)

OPERATIONS = sorted(operations())
every_operation = pytest.mark.parametrize(("method", "path"), OPERATIONS)


def test_there_are_operations() -> None:
    assert len(OPERATIONS) >= 17


@every_operation
def test_without_a_key(client: Client, db: None, method: str, path: str) -> None:
    response = client.generic(method, address(path))
    assert refused(response) == (401, "key_missing")
    assert response["WWW-Authenticate"] == "Bearer"


@every_operation
def test_a_session_does_not_count(alice: User, method: str, path: str) -> None:
    assert refused(signed_in(alice).generic(method, address(path))) == (401, "key_missing")


@every_operation
def test_a_key_counts_only_in_its_header(alice: User, method: str, path: str) -> None:
    text = Program(alice).text
    client = Client()
    for name in ("key", "api_key", "access_token", "Authorization"):
        client.cookies[name] = text
        url = f"{address(path)}?{name}={text}"
        assert refused(client.generic(method, url)) == (401, "key_missing")
    basic = client.generic(method, address(path), headers={"authorization": f"Basic {text}"})
    assert refused(basic) == (401, "key_invalid")


@every_operation
def test_two_keys_are_none(alice: User, method: str, path: str) -> None:
    """As a server joins a header that is there twice."""
    program = Program(alice)
    both = f"Bearer {program.text},Bearer {program.text}"
    assert refused(program.ask(method, address(path), authorization=both)) == (401, "key_invalid")


@every_operation
def test_a_revoked_key(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    api_keys.revoke_keys([program.key.pk], now=timezone.now())
    assert refused(program.ask(method, address(path))) == (401, "key_revoked")


@every_operation
def test_an_expired_key(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refused(program.ask(method, address(path))) == (401, "key_expired")


@every_operation
def test_a_key_from_before_another_password(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    alice.set_password("another correct horse")
    alice.save()
    assert refused(program.ask(method, address(path))) == (401, "key_ended")


@every_operation
def test_a_suspended_person(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    services.suspend([alice])
    assert refused(program.ask(method, address(path))) == (401, "key_ended")


@every_operation
def test_scopes(alice: User, method: str, path: str) -> None:
    """Reading needs `read`, everything else `write`, an answer `chat` as well; a refusal names what is missing."""
    for needed in scopes_of(method, path):
        others = [scope for scope in Scope.values if scope != needed]
        response = Program(alice, tuple(others)).ask(method, address(path))
        assert refused(response) == (403, "scope_missing")
        assert f"“{needed}”" in json.loads(response.content)["error"]["message"]
    enough = Program(alice, tuple(scopes_of(method, path)))
    assert refused_or_done(enough, method, path)[0] not in {401, 403}


def scopes_of(method: str, path: str) -> list[str]:
    if method == "GET":
        return [Scope.READ]
    asks = method == "POST" and not path.endswith("/stop")
    return [Scope.WRITE, Scope.CHAT] if asks else [Scope.WRITE]


@every_operation
def test_methods_that_are_none(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    allowed = sorted(one for one, where in OPERATIONS if where == path)
    for other in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - {*allowed}:
        response = program.ask(other, address(path))
        assert response.status_code == 405
        assert response["Allow"] == ", ".join(allowed)
        if other != "HEAD":
            assert refused(response) == (405, "method_not_allowed")


@every_operation
def test_no_reply_sets_a_cookie(alice: User, method: str, path: str) -> None:
    """Nor deletes one: whatever cookies come along are not looked at."""
    program = Program(alice)
    for cookies in (
        {},
        {"sessionid": "x", "csrftoken": "x", "django_language": "x", "messages": "x"},
    ):
        for name, value in cookies.items():
            program.client.cookies[name] = value
        for response in (
            program.ask(method, address(path)),
            program.client.generic(method, address(path)),
        ):
            assert not response.cookies
            assert "Cookie" not in response["Vary"]
            assert "Authorization" in response["Vary"]
            assert response["Cache-Control"] in {"private, no-cache", "no-cache, no-transform"}


@every_operation
def test_no_csrf_token_is_asked_for(alice: User, method: str, path: str) -> None:
    program = Program(alice)
    program.client = Client(enforce_csrf_checks=True)
    assert refused_or_done(program, method, path) != (403, "csrf_failed")


def refused_or_done(program: Program, method: str, path: str) -> tuple[int, str]:
    response = program.ask(method, address(path))
    return (response.status_code, "") if response.status_code < 400 else refused(response)


# --- Addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "nothing", "models/x/y", "conversations%0A", "..%2Fmodels", "models%00", "%FF"]
)
def test_addresses_that_are_none(alice: User, client: Client, path: str) -> None:
    assert refused(client.get(ROOT + path)) == (404, "not_found")
    assert refused(Program(alice).get(path, accept="text/html")) == (404, "not_found")


def test_a_slash_at_the_end_changes_nothing(alice: User) -> None:
    program = Program(alice)
    assert reply(program.get("conversations/")) == reply(program.get("conversations"))


def test_errors_are_in_the_language_that_is_asked_for(alice: User) -> None:
    response = Program(alice).get("models?limit=x", accept_language="zh-hans")
    assert "limit" in json.loads(response.content)["error"]["message"]
    assert not json.loads(response.content)["error"]["message"].isascii()
    assert "Accept-Language" in response["Vary"]


# --- ETags -----------------------------------------------------------------------------------------------------------


def test_what_is_known_is_not_sent_again(alice: User) -> None:
    program = Program(alice)
    first = program.get("conversations")
    etag = first["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = program.get("conversations", if_none_match=known)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
        assert (again["Cache-Control"], again["Vary"]) == (first["Cache-Control"], first["Vary"])
    for unknown in ('"other"', "nonsense", ""):
        assert program.get("conversations", if_none_match=unknown).status_code == 200
    Conversation.objects.create(owner=alice, title="New")
    changed = program.get("conversations", if_none_match=etag)
    assert changed.status_code == 200
    assert changed["ETag"] != etag


def test_errors_have_no_etag(alice: User) -> None:
    response = Program(alice, EVERYTHING).get("models?limit=x", if_none_match="*")
    assert response.status_code == 400
    assert "ETag" not in response
