"""What the clients of the original ChatAPI send, without a network."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from tests.conftest import PASSWORD


def post_token(body: object, **headers: str) -> Any:
    """POST /token. body: what becomes JSON; bytes as they are. content_type among the headers: another."""
    return _post("/token", body, headers)


def token_of(username: str, password: str = PASSWORD) -> str:
    response = post_token({"u": username, "p": password})
    assert response.status_code in {200, 201}, response.content
    return str(response.json()["message"]["token"])


def get_api(token: str | None, query: object = "Hello", **headers: str) -> Any:
    """GET /api?q=. query: the question, or the whole query if it is a dictionary."""
    data: Any = query if isinstance(query, dict) else {"q": query}
    return Client().get("/api", data, headers=with_token(token, headers))


def post_api(token: str | None, body: object, **headers: str) -> Any:
    return _post("/api", body, with_token(token, headers))


def _post(path: str, body: object, headers: dict[str, str]) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body)
    kind = headers.pop("content_type", "application/json")
    # By its own name, too: the test client leaves the type out of a request without a body.
    return Client().generic("POST", path, raw, kind, headers=headers, CONTENT_TYPE=kind)


def with_token(token: str | None, headers: dict[str, str]) -> dict[str, str]:
    return headers if token is None else {"Authorization": f"Bearer {token}", **headers}


def failure(response: Any) -> tuple[int, str]:
    """Status and message of a refusal, whose shape is looked at."""
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.content.endswith(b"}\n")
    body = json.loads(response.content)
    if set(body) == {"msg"}:
        return response.status_code, body["msg"]
    assert body == {"message": body["message"], "statu": False}
    return response.status_code, body["message"]
