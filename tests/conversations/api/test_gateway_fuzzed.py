"""What the description of `/v1` allows, and some that it does not: never a 5xx that nobody asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET

from conversations import model_lists, runtime
from conversations.models import ChatModel
from tests.conversations.api.conftest import Program
from tests.processes import wait_for
from tests.upstream import Upstream

DESCRIPTION = Path(__file__).resolve().parents[3] / "docs" / "v1.openapi.json"
SCHEMA = schemathesis.openapi.from_path(str(DESCRIPTION))
OPERATIONS: list[Any] = [cast(Any, found).ok() for found in SCHEMA.get_all_operations()]
MODELS = ("text-embedding-3-small", "whisper-1", "tts-1", "gpt-image-1")


def cases() -> st.SearchStrategy[Case[Any]]:
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of(
        [one.as_strategy(generation_mode=mode) for one in OPERATIONS for mode in modes]
    )


@pytest.fixture
def endpoint(chat_model: ChatModel, upstream: Upstream) -> Iterator[Upstream]:
    """It has every service, and says little."""
    for name in MODELS:
        service = model_lists.service_of(name)
        ChatModel.objects.create(endpoint=chat_model.endpoint, name=name, service=service)
    for path in ("embeddings", "images/generations", "audio/transcriptions", "responses"):
        upstream.replies[f"/v1/{path}"] = ("application/json", b"{}")
    upstream.replies["/v1/audio/speech"] = ("audio/wav", b"RIFF")
    yield upstream
    wait_for(lambda: not runtime.open_calls, what="settlement")


def send(program: Program, case: Case[Any]) -> Any:
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace("{" + name + "}", quote(str(value).encode("utf-8", "replace"), safe=""))
    if case.body is NOT_SET:
        return program.client.generic(case.method, path, headers=headers_of(program))
    model = {"/v1/embeddings": MODELS[0], "/v1/audio/speech": MODELS[2]}.get(case.path, "fake")
    body = case.body
    if isinstance(body, dict) and isinstance(sent := body.get("model"), str) and len(sent) % 2:
        body = {**body, "model": model}  # one that exists, every other time
    content = json.dumps(body, default=str).encode()
    kind = case.media_type or "application/json"
    return program.client.generic(
        case.method, path, content, content_type=kind, headers=headers_of(program)
    )


def headers_of(program: Program) -> dict[str, str]:
    return {"Authorization": f"Bearer {program.text}"}


def expect_no_5xx(program: Program, case: Case[Any]) -> None:
    response = send(program, case)
    if response.streaming:
        b"".join(response)
    assert response.status_code < 500, (case.method, case.path, case.body)
    if response.status_code >= 400:
        assert response.json()["error"]["message"]


PLAINLY: Any = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.generate),
}


def test_some_cases(program: Program, endpoint: Upstream) -> None:
    @settings(max_examples=150, derandomize=True, **PLAINLY)
    @given(cases())
    def run(case: Case[Any]) -> None:
        expect_no_5xx(program, case)

    run()


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_ten_thousand_cases(program: Program, endpoint: Upstream) -> None:
    @settings(max_examples=10_000, **PLAINLY)
    @given(cases())
    def run(case: Case[Any]) -> None:
        expect_no_5xx(program, case)

    run()
