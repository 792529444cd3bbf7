"""The model in the box: the real one, over its HTTP API, and its process under all kinds of endings."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conversations import localmodel
from conversations.localmodel import LocalModel, LocalModelError
from conversations.supervision import is_healthy
from tests.processes import (
    DEADLINE_SECONDS,
    ROOT,
    family,
    identify,
    is_alive,
    wait_for,
    wait_until_gone,
)

processes = pytest.mark.processes


@pytest.fixture
def model() -> Iterator[LocalModel]:
    reports: list[str] = []
    model = LocalModel(localmodel.find_model(""), key="a key", report=reports.append)
    model.start()
    model.supervise()
    yield model
    model.stop()


def ask(
    model: LocalModel, path: str, body: Any = None, *, key: str | None = None
) -> tuple[int, Any]:
    """Status and JSON of one call."""
    address = urlsplit(model.environment[localmodel.URL_VARIABLE] + path)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "GET" if body is None else "POST",
            address.path,
            body=None if body is None else json.dumps(body),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {model.key if key is None else key}",
            },
        )
        response = connection.getresponse()
        return response.status, json.load(response)


@processes
def test_answers_like_any_endpoint(model: LocalModel) -> None:
    assert model.wait_until_ready(DEADLINE_SECONDS)
    status, models = ask(model, "/models")
    assert status == 200
    assert [offered["id"] for offered in models["data"]] == ["SmolLM2-135M-Instruct"]
    question = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    status, answer = ask(model, "/chat/completions", question)
    assert status == 200
    assert answer["choices"][0]["message"]["content"].strip()
    assert 1 <= answer["usage"]["completion_tokens"] <= 8
    status, _refusal = ask(model, "/models", key="guessed")
    assert status == 401
    assert os.getpriority(os.PRIO_PROCESS, model.process.pid if model.process else 0) > 0


@processes
def test_comes_back_after_a_crash_at_the_same_address(model: LocalModel) -> None:
    assert model.wait_until_ready(DEADLINE_SECONDS)
    before = model.process
    assert before is not None
    address = model.environment
    os.kill(before.pid, signal.SIGKILL)
    wait_for(lambda: model.process is not before, what="another process")
    assert model.wait_until_ready(DEADLINE_SECONDS)
    assert model.environment == address
    assert ask(model, "/models")[0] == 200


@processes
def test_stop_ends_it_for_good(model: LocalModel) -> None:
    assert model.wait_until_ready(DEADLINE_SECONDS)
    assert model.process is not None
    process = identify(model.process.pid)
    model.stop()
    assert not is_alive(process)
    model.start()
    assert not is_alive(process)
    assert not is_healthy(model.port)


@processes
def test_dies_with_a_parent_that_is_killed() -> None:
    program = (
        "import time; from conversations import localmodel as l;"
        "m = l.LocalModel(l.find_model(''), key='a key', report=print); m.start(); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        members = wait_for(
            lambda: members if len(members := family(parent.pid)) == 2 else [],
            what="the model's process",
        )
    finally:
        parent.kill()
        parent.wait()
    wait_until_gone(members)


@processes
def test_ends_when_the_pipe_to_its_parent_closes(model: LocalModel) -> None:
    assert model.wait_until_ready(DEADLINE_SECONDS)
    process = model.process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(15) == 1


@processes
def test_a_file_that_does_not_load_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(1000))
    model = LocalModel(localmodel.find_model(str(broken)), key="a key", report=lambda _line: None)
    model.start()
    try:
        with pytest.raises(LocalModelError, match=r"broken\.gguf, which is not a usable GGUF file"):
            model.wait_until_ready(DEADLINE_SECONDS)
    finally:
        model.stop()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"])
def test_other_files_are_refused_before_anything_starts(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(LocalModelError, match="not a usable GGUF file"):
        localmodel.find_model(str(file))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(LocalModelError, match=r"/no/such\.gguf, which cannot be read"):
        localmodel.find_model("/no/such.gguf")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct"),
        ("qwen2.5-7b-instruct-q4_k_m.gguf", "qwen2.5-7b-instruct"),
        ("gemma-3-270m-it-F16.gguf", "gemma-3-270m-it"),
        ("tiny.gguf", "tiny"),
        ("Q8_0.gguf", "Q8_0"),
    ],
)
def test_the_name_is_the_files_without_its_quantization(file: str, name: str) -> None:
    assert localmodel.model_name(Path(file)) == name


def test_nothing_is_missing_here() -> None:
    assert localmodel.what_is_missing() is None
