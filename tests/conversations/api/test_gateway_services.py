"""`/v1` beside chat: embeddings, sound, pictures, the Responses API; each with models of its own, in the one ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts import quotas
from accounts.models import UsageRecord
from conversations import catalogue, model_lists
from conversations.models import ChatModel
from tests.conversations.api.conftest import Program, program_of
from tests.conversations.api.test_gateway import error, record
from tests.upstream import Upstream

WAVE = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(256))
JSON = "application/json"


@pytest.fixture
def models(chat_model: ChatModel) -> None:
    for name in ("text-embedding-3-small", "whisper-1", "tts-1", "gpt-image-1"):
        ChatModel.objects.create(
            endpoint=chat_model.endpoint,
            name=name,
            service=model_lists.service_of(name),
            price_in=1,
        )


def reply(upstream: Upstream, path: str, body: object, content_type: str = JSON) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    upstream.replies[path] = (content_type, content)


def form(**fields: str) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
        if name != "file"
    ]
    if "file" in fields:
        head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        parts.append(head.encode() + b"Content-Type: audio/wav\r\n\r\n" + WAVE + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


def test_embeddings(program: Program, models: None, upstream: Upstream) -> None:
    body = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -0.5]}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }
    reply(upstream, "/v1/embeddings", body)
    asked = {"model": "text-embedding-3-small", "input": ["One", "two"], "dimensions": 2}
    response = program.post("/v1/embeddings", asked)
    assert response.json() == body
    assert upstream.requests[-1].body == asked
    row = record()
    assert (row.service, row.tokens_in, row.tokens_out, row.estimated) == (
        "embeddings",
        5,
        0,
        False,
    )
    assert row.money > 0


def test_pictures(program: Program, models: None, upstream: Upstream) -> None:
    body = {"created": 1, "data": [{"b64_json": "aGk="}]}
    reply(upstream, "/v1/images/generations", body)
    response = program.post(
        "/v1/images/generations", {"model": "gpt-image-1", "prompt": "A hill", "size": "1x1"}
    )
    assert response.json() == body
    row = record()
    assert (row.service, row.outcome, row.estimated) == ("images", "complete", True)
    assert row.tokens_in > 0


def test_speech(program: Program, models: None, upstream: Upstream) -> None:
    reply(upstream, "/v1/audio/speech", WAVE, "audio/wav")
    response = program.post(
        "/v1/audio/speech", {"model": "tts-1", "input": "Good day", "voice": "alloy"}
    )
    assert response.content == WAVE
    assert response.headers["Content-Type"] == "audio/wav"
    assert record().service == "speech"


def test_a_transcription(program: Program, models: None, upstream: Upstream) -> None:
    reply(upstream, "/v1/audio/transcriptions", {"text": "Good day"})
    sent = form(model="whisper-1", language="en", file="")
    kind = "multipart/form-data; boundary=b"
    response = program.post("/v1/audio/transcriptions", sent, content_type=kind)
    assert response.json() == {"text": "Good day"}
    received = upstream.requests[-1]
    assert received.raw == sent
    assert received.headers["Content-Type"] == kind
    assert record().service == "transcription"


def test_a_long_recording(program: Program, models: None, upstream: Upstream) -> None:
    """Longer than Django keeps a file in memory."""
    reply(upstream, "/v1/audio/transcriptions", {"text": "Good day"})
    sent = form(model="whisper-1", file="").replace(WAVE, WAVE + bytes(4 << 20))
    kind = "multipart/form-data; boundary=b"
    response = program.post("/v1/audio/transcriptions", sent, content_type=kind)
    assert response.json() == {"text": "Good day"}
    assert upstream.requests[-1].raw == sent


def test_the_responses_api(program: Program, upstream: Upstream) -> None:
    usage = {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}
    body = {"id": "resp_1", "object": "response", "output": [], "usage": usage}
    reply(upstream, "/v1/responses", body)
    response = program.post(
        "/v1/responses", {"model": "fake", "input": "Hello", "max_output_tokens": 20}
    )
    assert response.json() == body
    row = record()
    assert (row.tokens_in, row.tokens_out, row.tokens_cached) == (9, 4, 2)


def response_events(*said: dict[str, Any]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in said)


def test_the_responses_api_as_it_comes(program: Program, upstream: Upstream) -> None:
    usage = {"input_tokens": 9, "output_tokens": 4}
    stream = response_events(
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_text.delta", "delta": "Good day"},
        {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}},
    )
    reply(upstream, "/v1/responses", stream, "text/event-stream")
    response = program.post("/v1/responses", {"model": "fake", "input": "Hello", "stream": True})
    assert b"".join(response) == stream
    assert upstream.requests[-1].body == {"model": "fake", "input": "Hello", "stream": True}
    row = record()
    assert (row.outcome, row.tokens_in, row.tokens_out) == ("complete", 9, 4)


def test_a_response_that_fails(program: Program, upstream: Upstream) -> None:
    failed = {"type": "response.failed", "response": {"error": {"code": "server_error"}}}
    reply(upstream, "/v1/responses", response_events(failed), "text/event-stream")
    response = program.post("/v1/responses", {"model": "fake", "input": "Hello", "stream": True})
    assert b"".join(response) == response_events(failed)
    assert record().outcome == "failed"


def test_an_endpoint_without_it(program: Program, upstream: Upstream) -> None:
    response = program.post("/v1/responses", {"model": "fake", "input": "Hello"})
    assert (response.status_code, response.json()["error"]["message"]) == (404, "no such path")
    assert record().requests == 0


NO_TEXTS: list[Any] = [None, "", " ", [], 7, {}]
WRONG: dict[tuple[str, str], list[Any]] = {
    ("embeddings", "input"): [None, "", [], 7, {}],
    ("audio/speech", "input"): NO_TEXTS,
    ("images/generations", "prompt"): NO_TEXTS,
    ("responses", "model"): NO_TEXTS,
    ("embeddings", "model"): NO_TEXTS,
    ("audio/speech", "model"): NO_TEXTS,
    ("images/generations", "model"): NO_TEXTS,
}


@pytest.mark.parametrize(
    ("path", "param", "value"),
    [(path, param, value) for (path, param), values in WRONG.items() for value in values],
)
def test_a_field_that_cannot_be(
    program: Program, models: None, path: str, param: str, value: Any
) -> None:
    body = {"model": "fake", "input": "x", "prompt": "x", param: value}
    response = program.post(f"/v1/{path}", body)
    assert (response.status_code, error(response)["param"]) == (400, param)


def test_forms_that_cannot_be(program: Program, models: None) -> None:
    path, kind = "/v1/audio/transcriptions", "multipart/form-data; boundary=b"
    response = program.post(path, {"model": "whisper-1"})
    assert (response.status_code, error(response)["code"]) == (415, "unsupported_content_type")
    response = program.post(path, form(model="whisper-1"), content_type=kind)
    assert (response.status_code, error(response)["param"]) == (400, "file")
    response = program.post(path, form(file=""), content_type=kind)
    assert (response.status_code, error(response)["param"]) == (400, "model")
    for broken in (b"", b"--b", form(file="")[:60], b"\xff" * 99):
        response = program.post(path, broken or b" ", content_type=kind)
        assert response.status_code == 400
    response = program.post(path, form(file=""), content_type="multipart/form-data")
    assert response.status_code == 400


def test_sound_needs_its_scope(program: Program, models: None) -> None:
    writer = program_of(program.key.user, scopes=["chat"])
    for path in ("speech", "transcriptions"):
        response = writer.post(f"/v1/audio/{path}", {"model": "tts-1", "input": "x"})
        assert (response.status_code, error(response)["code"]) == (403, "insufficient_permissions")


def test_a_model_does_what_it_is_for(program: Program, models: None) -> None:
    for path, body in (
        ("chat/completions", {"model": "tts-1", "messages": [{"role": "user", "content": "x"}]}),
        ("embeddings", {"model": "fake", "input": "x"}),
        ("audio/speech", {"model": "whisper-1", "input": "x"}),
    ):
        response = program.post(f"/v1/{path}", body)
        assert (response.status_code, error(response)["code"]) == (404, "model_not_found")
        assert "for this address" in error(response)["message"]
    assert not UsageRecord.objects.exists()
    names = {row["id"] for row in program.get("/v1/models").json()["data"]}
    assert {"fake", "tts-1", "whisper-1"} <= names
    assert [model.name for model in catalogue.offered(quotas.NO_LIMITS)] == ["fake"]


def test_services_are_told_by_the_name() -> None:
    for name, service in (
        ("text-embedding-3-large", "embeddings"), ("nomic-embed-text", "embeddings"), ("whisper-1", "transcription"),
        ("gpt-4o-transcribe", "transcription"), ("gpt-4o-mini-tts", "speech"), ("dall-e-3", "images"),
        ("gpt-image-1", "images"), ("gpt-5-mini", "chat"), ("omni-moderation-latest", "chat"),
    ):  # fmt: skip
        assert model_lists.service_of(name) == service
