"""The speech in the box as an endpoint of the site: its rows, and a process that dies in the middle of a call."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync

from accounts.callers import Caller
from accounts.models import UsageRecord, User
from accounts.quotas import NO_LIMITS
from conversations import endpoints, localmodel, model_lists, runtime
from conversations.errors import AnswerFailed, AudioTooLarge, AudioUnreadable
from conversations.models import ChatModel, Endpoint
from conversations.speech import asking, choice, local
from conversations.speech.local import LocalSpeech
from tests.conversations.speech.conftest import caller_with
from tests.conversations.speech.recordings import hours_of_silence, silence
from tests.processes import DEADLINE_SECONDS, wait_for


def test_its_rows_come_and_go_with_it(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints.sync_configured_endpoints()
    assert choice.speaker(NO_LIMITS, "en") is None
    monkeypatch.setenv(local.URL_VARIABLE, "http://127.0.0.1:9/v1")
    endpoints.sync_configured_endpoints()
    assert str(choice.speaker(NO_LIMITS, "en")) == local.SPEAKER
    assert str(choice.transcriber(NO_LIMITS, "en")) == local.TRANSCRIBER
    assert choice.transcriber(NO_LIMITS, "zh-hans") is None
    ChatModel.objects.filter(name=local.SPEAKER).update(enabled=False)
    endpoints.sync_configured_endpoints()
    assert choice.speaker(NO_LIMITS, "en") is None  # an administrator switched it off
    monkeypatch.delenv(local.URL_VARIABLE)
    endpoints.sync_configured_endpoints()
    assert choice.transcriber(NO_LIMITS, "en") is None
    assert ChatModel.objects.count() == 2


@pytest.mark.parametrize(
    ("source", "variable"),
    [("box", localmodel.URL_VARIABLE), ("speech", local.URL_VARIABLE)],
)
def test_each_node_asks_its_own(
    db: None, monkeypatch: pytest.MonkeyPatch, source: str, variable: str
) -> None:
    """The row has the address of whichever node was started last."""
    monkeypatch.setenv(variable, "http://127.0.0.1:18301/v1")
    endpoints.sync_configured_endpoints()
    endpoint = Endpoint.objects.get(source=source)
    endpoint.base_url = "http://127.0.0.1:18302/v1"
    assert endpoints.address_of(endpoint).base_url == "http://127.0.0.1:18301/v1"
    monkeypatch.delenv(variable)
    assert endpoints.address_of(endpoint).base_url == "http://127.0.0.1:18302/v1"


def test_its_models_are_no_chat_models(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(local.URL_VARIABLE, "http://127.0.0.1:9/v1")
    assert model_lists.read_endpoint_models() == {}
    assert not ChatModel.objects.filter(is_default=True).exists()
    assert not endpoints.endpoints_without_models()


@pytest.fixture
def speech(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSpeech]:
    """Nobody starts it again when it ends."""
    speech = LocalSpeech(key=endpoints.box_key(), report=lambda _line: None)
    speech.start()
    monkeypatch.setenv(local.URL_VARIABLE, speech.url)
    endpoints.sync_configured_endpoints()
    yield speech
    speech.stop()
    runtime.shut_down_thread()


@pytest.mark.processes
def test_one_that_dies_in_the_middle_of_a_call(speech: LocalSpeech, alice: User) -> None:
    caller: Caller = caller_with(alice)
    model = ChatModel.objects.select_related("endpoint").get(name=local.SPEAKER)
    assert model.endpoint.source == Endpoint.Source.SPEECH
    assert speech.wait_until_ready(DEADLINE_SECONDS)
    assert speech.process is not None
    process = speech.process

    async def ask_and_kill() -> None:
        os.kill(process.pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(asking.speak(caller, model, "Hello."))
        while not runtime.open_calls:  # noqa: ASYNC110 (begun by another loop)
            await asyncio.sleep(0.01)
        process.kill()
        await asked

    with pytest.raises(AnswerFailed) as failed:
        async_to_sync(ask_and_kill)()
    assert failed.value.code == "upstream_unreachable"
    wait_for(lambda: not runtime.open_calls, what="settlement")
    assert UsageRecord.objects.get().requests == 0
    speech.start()
    assert speech.wait_until_ready(DEADLINE_SECONDS)
    assert async_to_sync(asking.speak)(caller, model, "Hello.").content_type == "audio/mpeg"


@pytest.mark.processes
def test_what_it_refuses_is_told_in_the_sites_words(speech: LocalSpeech, alice: User) -> None:
    caller = caller_with(alice)
    model = ChatModel.objects.select_related("endpoint").get(name=local.TRANSCRIBER)
    assert speech.wait_until_ready(DEADLINE_SECONDS)
    transcribe = async_to_sync(asking.transcribe)
    for content, refused in (
        (hours_of_silence(0.2), AudioTooLarge),
        (bytes(4) + b"ftypM4A " + bytes(99), AudioUnreadable),
        (b"RIFF\0\0\0\0WAVE" + bytes(26 << 20), AudioTooLarge),
    ):
        with pytest.raises(refused):
            transcribe(caller, model, content)
    assert transcribe(caller, model, silence(1)) == ""
