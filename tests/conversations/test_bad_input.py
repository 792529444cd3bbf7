"""What must not be stored, and that refusing it loses nothing and never answers 500."""

from __future__ import annotations

import json
import uuid
from urllib.parse import quote_from_bytes

import pytest
from django.conf import settings

from conversations.models import Conversation, Message
from tests.conversations.talk import JSON, Talk

NOBODY = "8c1d9c1e-5d0a-4d38-9a52-7d3f4f2a9b11"  # a UUID that names nothing
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("", 400, "empty_message"),
        (" \n\t\u3000", 400, "empty_message"),
        ("a\x00b", 400, "invalid_text"),
        ("a\ud800b", 400, "invalid_text"),
        ("a" * 1_000_000, 413, "message_too_long"),
        ("界" * 100_000, 413, "message_too_long"),
        (None, 400, "empty_message"),
        (7, 400, "invalid_parameter"),
        (["a"], 400, "invalid_parameter"),
        ({"a": 1}, 400, "invalid_parameter"),
    ],
)
def test_content(talk: Talk, content: object, status: int, code: str) -> None:
    reply = talk.post("/c/", {"content": content, "client_id": str(uuid.uuid4())})
    assert (reply.status, reply.code) == (status, code)
    assert reply.body["error"]["message"]
    assert reply.body["error"]["request_id"]
    assert not Conversation.objects.exists()


def test_too_long_names_the_limit(talk: Talk) -> None:
    reply = talk.post("/c/", {"content": "a" * 300_000})
    assert str(settings.MESSAGE_MAX_BYTES) in reply.body["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b"[" * 100_000])
def test_body_that_is_not_an_object(talk: Talk, body: bytes) -> None:
    response = talk.client.post("/c/", body, content_type="application/json", headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"]["code"] in {"invalid_parameter", "invalid_text"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", "not-a-uuid"),
        ("client_id", 5),
        ("edit", "x"),
        ("edit", NOBODY),
        ("parent", NOBODY),
        ("preset", "no-such-preset"),
        ("temperature", 3),
        ("temperature", "hot"),
        ("temperature", True),
        ("temperature", "nan"),
        ("temperature", float("inf")),
        ("top_p", -0.1),
        ("max_tokens", 0),
        ("max_tokens", 2**63),
        ("max_tokens", []),
        ("presence_penalty", 2.1),
        ("frequency_penalty", {}),
    ],
)
def test_field_that_is_wrong(talk: Talk, field: str, value: object) -> None:
    reply = talk.post("/c/", {"content": "Hello", field: value})
    assert (reply.status, reply.code) == (400, "invalid_parameter")
    assert not Message.objects.exists()


def test_unknown_model(talk: Talk) -> None:
    reply = talk.send("Hello", model="gpt-99")
    assert (reply.status, reply.code) == (400, "model_unknown")


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"],
    ids=["ff", "cut", "surrogate", "high"],
)
def test_form_that_is_not_utf8(talk: Talk, raw: bytes) -> None:
    """Django alone would store U+FFFD without a word."""
    percent = talk.client.post(
        "/c/", f"content={quote_from_bytes(raw)}", content_type=FORM, headers=JSON
    )
    multipart = talk.client.post(
        "/c/",
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\n' + raw + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        headers=JSON,
    )
    for response in (percent, multipart):
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_text"
    assert not Message.objects.exists()


def test_form_comes_back_with_its_text(talk: Talk) -> None:
    long = "Long " * 60_000
    page = talk.client.post("/c/", {"content": long, "client_id": str(uuid.uuid4())})
    assert page.status_code == 413
    assert long.strip() in page.content.decode()


def test_body_beyond_every_limit(talk: Talk) -> None:
    page = talk.client.post("/c/", {"content": "a" * 3_000_000})
    assert page.status_code == 413
    assert str(settings.MESSAGE_MAX_BYTES) in page.content.decode()


def test_multipart_in_another_encoding_is_refused(talk: Talk) -> None:
    """Django would decode it and replace what is not UTF-8 without a word."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n/w==\r\n--x--\r\n"
    )
    response = talk.client.post(
        "/c/", body, content_type="multipart/form-data; boundary=x", headers=JSON
    )
    assert response.status_code == 400
    assert not Message.objects.exists()


def test_broken_multipart(talk: Talk) -> None:
    response = talk.client.post(
        "/c/", b"--x\r\nnonsense", content_type="multipart/form-data; boundary=x", headers=JSON
    )
    assert response.status_code == 400


def test_line_ends_of_forms_are_stored_as_lf(talk: Talk) -> None:
    response = talk.client.post("/c/", {"content": "one\r\ntwo"})
    assert response.status_code == 303
    assert Message.objects.filter(content="one\ntwo").exists()


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "\u200b\u2060", "\u202e"])
def test_title(talk: Talk, title: str) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    reply = talk.post(f"/c/{first.body['conversation']}/rename/", {"title": title})
    assert (reply.status, reply.code) == (400, "invalid_parameter")


def test_title_that_would_turn_the_text_around_it(talk: Talk) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    url = f"/c/{first.body['conversation']}/rename/"
    reply = talk.post(url, {"title": " In\u202evoice\u2066 \x1b1\n"})
    assert (reply.status, reply.body["title"]) == (200, "Invoice 1")


def test_hostile_query_strings(talk: Talk) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    url = first.body["url"]
    for query in (
        "before=x",
        f"before={uuid.uuid4()}",
        "older=yesterday",
        "edit=%00",
        "after=-1",
        "q=%00",
    ):
        assert talk.client.get(f"{url}?{query}").status_code == 200
    events = first.body["events"]
    for after in ("-1", "x", "1" * 30, "²"):
        assert talk.client.get(events, {"after": after}).status_code == 200
    assert json.loads(talk.client.get(url, headers=JSON).content)["title"] == "Hello"
