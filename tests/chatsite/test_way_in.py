"""What is looked at before a request reaches a view: announced encodings and cookies that nobody was given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from django.test import Client

from chatsite.body_limit import BodyLimit


def status_of(content_type: str) -> int:
    """What the outermost layer says to a small body that calls itself this; 204 if it lets it in."""
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"x"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-type", content_type.encode("latin-1"))]}
    asyncio.run(BodyLimit(app, most=100)(scope, receive, send))
    if sent[0]["status"] == 415:
        error = json.loads(sent[1]["body"])["error"]
        assert error["request_id"].encode() == dict(sent[0]["headers"])[b"x-request-id"]
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=x; charset=hex",
        "multipart/form-data; boundary*=bogus''x",
        "text/html; charset*=bogus''x",
        "text/plain; charset=unicode_escape",
        'application/x-www-form-urlencoded; CHARSET = "utf-16"',
        "application/json; charset=\xff",
    ],
)
def test_an_encoding_that_nobody_writes_forms_in(content_type: str) -> None:
    assert status_of(content_type) == 415


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "application/json;charset=UTF-8",
        'text/plain; charset="utf-8"',
        "application/x-www-form-urlencoded; charset=utf8",
        "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
    ],
)
def test_an_encoding_that_everybody_writes(content_type: str) -> None:
    assert status_of(content_type) == 204


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/no-such-page/", "/admin/"])
def test_a_session_cookie_that_nobody_was_given(client: Client, db: None, path: str) -> None:
    """Quoted cookies can spell NUL, which PostgreSQL refuses to look for."""
    response = client.get(path, headers={"cookie": r'sessionid="\000aaaaaaaaaaaaaaaaaaa"'})
    assert response.status_code in {200, 302, 404}


@pytest.mark.parametrize("path", ["/v1/models", "/v1/none", "/api/v1/models", "/token", "/api"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_programs_have_no_session(alice_client: Client, path: str, method: str) -> None:
    """Nor anything that comes with one, whatever cookies they send."""
    response = alice_client.generic(method, path, content_type="application/json")
    request = response.wsgi_request
    assert not request.COOKIES
    assert not [name for name in ("session", "user", "_messages") if hasattr(request, name)]
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/", "/tokens", "/api/", "/settings/keys/"])
def test_people_have_one(alice_client: Client, path: str) -> None:
    assert alice_client.get(path).wsgi_request.user.is_authenticated
