"""Whatever a body says: a 4xx with a code that programs can rely on, never a 500, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import User
from conversations import runtime
from conversations.api.rest.routes import api
from conversations.models import Conversation, Message
from tests.conversations.api.programs import ROOT, Program, address, refused
from tests.conversations.test_costs import grow

SCHEMA = json.loads(json.dumps(api.get_openapi_schema(path_prefix=ROOT)))


def body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    found = content.get("application/json", {}).get("schema", {})
    for one in found.get("anyOf", [found]):
        if "$ref" in one:
            schema: dict[str, Any] = SCHEMA["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            return schema
    return {}


WITH_BODY = [
    (method.upper(), path, sorted(schema["properties"]))
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
    if (schema := body_schema(operation))
]
FIELDS = [(method, path, name) for method, path, names in WITH_BODY for name in names]
every_field = pytest.mark.parametrize(("method", "path", "name"), FIELDS)
every_body = pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, _names in WITH_BODY]
)

HOSTILE: dict[str, Any] = {
    "null": None, "list": [], "object": {}, "nested": [[{"a": [None]}]], "empty": "", "blank": " \n",
    "zero": 0, "minus one": -1, "2^63": 2**63, "big": 10**400, "fraction": 1.5, "true": True,
    "word": "nonsense", "NUL": "a\x00b", "surrogate": "a\ud800b", "deep NUL": {"a": ["\x00"]},
    "key NUL": {"\x00": "a"}, "1 MB": "x" * 1_000_000, "many": ["x"] * 1000,
}  # fmt: skip
CODES = {
    "invalid_parameter", "invalid_text", "empty_message", "message_too_long", "model_unknown",
}  # fmt: skip


@pytest.fixture
def program(alice: User) -> Program:
    return Program(alice)


@pytest.fixture
def ids(alice: User) -> Iterator[dict[str, object]]:
    conversation = grow(alice, 0, 2)
    yield {
        "conversation_id": conversation.pk,
        "completion_id": conversation.completions.get().pk,
    }
    runtime.shut_down_thread()


def test_there_are_fields() -> None:
    assert len(FIELDS) >= 20


@every_field
def test_a_hostile_field(
    program: Program, ids: dict[str, object], method: str, path: str, name: str
) -> None:
    before = Conversation.objects.get()
    for what, value in HOSTILE.items():
        fields = {**sound_fields(path), name: value}
        if is_sound(path, name, value):
            continue
        response = program.ask(method, address(path, ids), fields)
        status, code = refused(response)
        assert (status, code in CODES) == (413 if code == "message_too_long" else 400, True), what
    now = Conversation.objects.get()
    assert (now.title, now.pinned, now.archived) == (before.title, before.pinned, before.archived)
    assert Message.objects.count() == 2


def sound_fields(path: str) -> dict[str, Any]:
    """There is no model here: also a message that could be sent is refused, and last for that."""
    return {"content": "Hello"} if path.endswith(("/conversations", "/messages")) else {}


def is_sound(path: str, name: str, value: object) -> bool:
    """What a field may well say."""
    if name == "title":
        return isinstance(value, str) and value == "nonsense"
    return value is True and name in {"pinned", "archived"}


@every_body
@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"{", "invalid_parameter"), (b'{"title": "x"', "invalid_parameter"), (b"[]", "invalid_parameter"),
     (b'"x"', "invalid_parameter"), (b"null", "invalid_parameter"), (b"1", "invalid_parameter"),
     (b"[" * 100_000, "invalid_parameter"), (b'{"a":' * 100_000, "invalid_parameter"),
     (b"9" * 10_000, "invalid_parameter"), (b"\xff\xfe{}", "invalid_text"), (b'{"a": "\xed\xa0\x80"}', "invalid_text"),
     (b"\xef\xbb\xbf{}", "invalid_parameter"), (b'{"a\\u0000": 1}', "invalid_text"), (b"\x00", "invalid_parameter"),
     (b'{"pinned": NaN}', "invalid_parameter"), (b'{"no_such_field": 1}', "invalid_parameter")],
    ids=lambda value: repr(value)[:20] if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_body_that_is_none(
    program: Program, ids: dict[str, object], method: str, path: str, raw: bytes, code: str
) -> None:
    response = program.ask(method, address(path, ids), raw=raw)
    assert refused(response) == (400, code)


@every_body
def test_an_unknown_field_is_named(
    program: Program, ids: dict[str, object], method: str, path: str
) -> None:
    fields = {**sound_fields(path), "temprature\u202e" * 20: 1}
    response = program.ask(method, address(path, ids), fields)
    assert refused(response) == (400, "invalid_parameter")
    assert json.loads(response.content)["error"]["field"].startswith("temprature")


@every_body
@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/jsonx", "application/json,application/json", "nonsense", "application/xml"],
)  # fmt: skip
def test_a_body_of_another_kind(
    program: Program, ids: dict[str, object], method: str, path: str, kind: str
) -> None:
    response = program.ask(method, address(path, ids), sound_fields(path), kind=kind)
    assert refused(response) == (415, "unsupported_media_type")


@every_body
def test_a_body_beyond_every_limit(
    program: Program, ids: dict[str, object], method: str, path: str
) -> None:
    response = program.ask(method, address(path, ids), raw=b" " * 3_000_000)
    assert refused(response) == (413, "message_too_long")


@every_body
def test_who_asks_comes_before_what_is_asked(method: str, path: str, client: Any, db: None) -> None:
    response = client.generic(method, address(path), b"{", "application/json")
    assert refused(response) == (401, "key_missing")
