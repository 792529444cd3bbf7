"""What is looked at before a request reaches a view: announced encodings and cookies that nobody was given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

import pytest
from django.test import Client

from chatsite.asgi import Lifespan
from chatsite.body_limit import BodyLimit


def sent_back(layer: Callable[[Any], Any], **scope: Any) -> list[MutableMapping[str, Any]]:
    """What a layer around an application that takes everything, with 204, says to a small body."""
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"x"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(layer(app)({"type": "http", "path": "/", "headers": [], **scope}, receive, send))
    return sent


def status_of(content_type: str) -> int:
    headers = [(b"content-type", content_type.encode("latin-1"))]
    sent = sent_back(partial(BodyLimit, most=100), headers=headers)
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


@pytest.mark.parametrize(
    ("packing", "status"),
    [(b"gzip", 415), (b"br", 415), (b"identity, gzip", 415), (b"identity", 204), (b"", 204)],
)
def test_a_body_that_is_compressed(packing: bytes, status: int) -> None:
    headers = [(b"content-encoding", packing)]
    sent = sent_back(partial(BodyLimit, most=100), headers=headers)
    assert sent[0]["status"] == status


@pytest.mark.parametrize(
    "header", [(b"content-type", b"text/plain; charset=x"), (b"content-length", b"999")]
)
def test_each_address_is_told_in_its_shape(header: tuple[bytes, bytes]) -> None:
    told = {
        path: json.loads(
            sent_back(partial(BodyLimit, most=100), path=path, headers=[header])[1]["body"]
        )
        for path in ("/token", "/api", "/v1/chat/completions", "/api/v1/conversations", "/")
    }
    for path in ("/token", "/api"):
        assert told[path]["message"]
        assert told[path]["statu"] is False
    codes = {"request_too_large", "unsupported_content_type"}
    error = told["/v1/chat/completions"]["error"]
    assert error["code"] in codes
    assert (error["type"], error["param"]) == ("invalid_request_error", None)
    for path in ("/api/v1/conversations", "/"):
        assert set(told[path]["error"]) == {"code", "message", "request_id"}


@pytest.mark.parametrize(
    "path", ["/token", "/api", "/v1/models", "/v1/models/a%0ab", "/api/v1/models"]
)
def test_what_comes_to_no_view_is_told_likewise(client: Client, path: str) -> None:
    """Another host's name, and what no route takes."""
    name = "somebody.example" if "%" not in path else "testserver"
    response = client.get(path, headers={"host": name, "accept": "*/*"})
    assert response.status_code == (404 if "%" in path else 400)
    body = response.json()
    if path in {"/token", "/api"}:
        assert set(body) == {"message", "statu"}
        return
    wanted = {"code", "message", "request_id"}
    assert set(body["error"]) == wanted | ({"type", "param"} if path.startswith("/v1/") else set())


def test_there_are_no_websockets() -> None:
    assert sent_back(Lifespan, type="websocket") == [{"type": "websocket.close"}]


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


class Slow:
    """Somebody who sends all but the last bit of a body, then waits. Use `run` in a loop."""

    def __init__(self, layer: Any, size: int) -> None:
        self.layer, self.size = layer, size
        self.status = 0
        self.may_end = asyncio.Event()
        self.waits = asyncio.Event()

    async def run(self) -> int:
        pieces = [self.size]

        async def receive() -> MutableMapping[str, Any]:
            if pieces:
                return {"type": "http.request", "body": bytes(pieces.pop()), "more_body": True}
            self.waits.set()
            await self.may_end.wait()
            return {"type": "http.request", "body": b"x"}

        async def send(message: MutableMapping[str, Any]) -> None:
            self.status = message.get("status", self.status)
            if self.status == 503:
                self.may_end.set()  # whoever is refused leaves

        scope = {"type": "http", "path": "/", "headers": []}
        await self.layer(scope, receive, send)
        return self.status


async def takes_everything(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})


def test_all_bodies_together_find_so_much_room() -> None:
    async def look() -> None:
        layer = BodyLimit(takes_everything, most=1 << 20, room=1 << 20)
        first = Slow(layer, 900_000)
        task = asyncio.create_task(first.run())
        await first.waits.wait()
        assert await Slow(layer, 900_000).run() == 503
        small = Slow(layer, 60_000)
        small.may_end.set()
        assert await small.run() == 204
        first.may_end.set()
        assert await task == 204
        again = Slow(layer, 900_000)
        again.may_end.set()
        assert await again.run() == 204
        assert layer.room == 1 << 20

    asyncio.run(look())
