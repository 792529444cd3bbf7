"""A program that asks with a key, and the addresses at which it may."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.test import Client
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, Scope, User
from conversations.api.rest.routes import api
from tests.conversations.talk import Event, parse

EVERYTHING = (Scope.READ, Scope.WRITE, Scope.CHAT)
NOBODY = UUID(int=7)  # names nothing
ROOT = "/api/v1/"


class Program:
    """It has one key of this person and no cookies."""

    def __init__(
        self,
        user: User,
        scopes: tuple[str, ...] = EVERYTHING,
        *,
        expires_at: datetime | None = None,
        **limits: Any,
    ) -> None:
        made = api_keys.create_key(
            user,
            name="program",
            scopes=scopes,
            expires_at=expires_at,
            now=timezone.now(),
            **limits,
        )
        assert made is not None
        self.key: ApiKey = made[0]
        self.text = made[1]
        self.client = Client()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        kind: str = "application/json",
        **headers: Any,
    ) -> Any:
        """path: below the root, or an address from a reply. raw: instead of a body in JSON. kind: of content."""
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.text}", **headers}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        where = path if path.startswith("/") else ROOT + path
        return self.client.generic(method, where, sent, kind, headers=named)

    def get(self, path: str, **headers: Any) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.ask("POST", path, body, **headers)

    def items(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Those of all pages of a list."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            asked = query if cursor is None else {**query, "cursor": cursor}
            address = path + "?" + "&".join(f"{name}={asked[name]}" for name in asked)
            page = reply(self.get(address))
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found


def reply(response: Any, status: int = 200) -> dict[str, Any]:
    """The JSON of a reply with that status."""
    assert response.status_code == status, response.content
    body: dict[str, Any] = json.loads(response.content)
    return body


def refused(response: Any) -> tuple[int, str]:
    """Status and code of an error, which has to have the shape of all."""
    error = json.loads(response.content)["error"]
    assert error["message"]
    assert error["request_id"] == response["X-Request-ID"]
    assert response["Content-Type"].startswith("application/json")
    return response.status_code, error["code"]


def operations() -> Iterator[tuple[str, str]]:
    """Every method at every address that the API describes, with a place for each id."""
    for path, methods in api.get_openapi_schema(path_prefix=ROOT)["paths"].items():
        for method in methods:
            yield method.upper(), path


def address(path: str, ids: dict[str, object] | None = None) -> str:
    """With these ids in their places, and one that names nothing in all others."""
    for name, value in (ids or {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    while "{" in path:
        before, _brace, rest = path.partition("{")
        path = before + str(NOBODY) + rest.partition("}")[2]
    return path


# --- Talking ---------------------------------------------------------------------------------------------------------


def send(program: Program, content: str, conversation: str = "", **fields: Any) -> Any:
    path = f"conversations/{conversation}/messages" if conversation else "conversations"
    return program.post(path, {"content": content, "client_id": str(uuid.uuid4()), **fields})


def events(program: Program, url: str, **headers: str) -> list[Event]:
    response = program.get(url, **headers)
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/event-stream")
    return list(parse(iter(response)))


def ask(program: Program, content: str, conversation: str = "", **fields: Any) -> dict[str, Any]:
    """The reply to a send whose answer has ended."""
    sent = reply(send(program, content, conversation, **fields), 201)
    for answer in sent.get("answers", [sent]):
        assert events(program, answer["events"])[-1].name == "end"
    return sent


def message(program: Program, key: str) -> dict[str, Any]:
    return reply(program.get(f"messages/{key}"))
