"""Which model turns speech into text and back: settings, the administration's endpoints, the box."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import UsageRecord
from accounts.quotas import NO_LIMITS, Limits
from conversations import model_lists
from conversations.models import ChatModel, Endpoint
from conversations.speech import choice
from tests.upstream import Script, Upstream

Service = UsageRecord.Service


@pytest.fixture
def configured(db: None, settings: Settings, upstream: Upstream) -> Settings:
    settings.ENDPOINT_CONFIGURED = True
    settings.OPENAI_BASE_URL = upstream.url
    return settings


def add(source: Endpoint.Source, name: str, service: UsageRecord.Service) -> ChatModel:
    endpoint, _new = Endpoint.objects.get_or_create(
        source=source, defaults={"name": source, "base_url": "http://127.0.0.1:9/v1"}
    )
    return ChatModel.objects.create(endpoint=endpoint, name=name, service=service)


def test_what_the_settings_name_is_made_at_start(configured: Settings, upstream: Upstream) -> None:
    configured.TRANSCRIPTION_MODEL, configured.SPEECH_MODEL = "hears", "speaks"
    model_lists.read_endpoint_models()
    rows = {row.name: (row.service, row.enabled) for row in ChatModel.objects.all()}
    assert rows == {
        "fake": ("chat", True),
        "hears": ("transcription", True),
        "speaks": ("speech", True),
    }
    for language in ("en", "zh-hans"):
        assert str(choice.transcriber(NO_LIMITS, language)) == "hears"
        assert str(choice.speaker(NO_LIMITS, language)) == "speaks"


def test_one_that_is_listed_and_switched_off_is_switched_on(
    configured: Settings, upstream: Upstream
) -> None:
    upstream.models[:] = ["fake", "whisper-1", "tts-1"]
    model_lists.read_endpoint_models()
    assert choice.transcriber(NO_LIMITS, "en") is None
    configured.TRANSCRIPTION_MODEL = "whisper-1"
    model_lists.read_endpoint_models()
    assert str(choice.transcriber(NO_LIMITS, "en")) == "whisper-1"
    assert choice.speaker(NO_LIMITS, "en") is None
    assert ChatModel.objects.get(is_default=True).name == "fake"


def test_an_endpoint_that_does_not_list_its_models_yet_is_asked_again(
    configured: Settings, upstream: Upstream
) -> None:
    configured.SPEECH_MODEL = "speaks"
    upstream.models_script = Script("500")
    model_lists.read_endpoint_models()
    assert not ChatModel.objects.exists()
    upstream.models_script = None
    model_lists.read_endpoint_models()
    assert str(choice.speaker(NO_LIMITS, "en")) == "speaks"


def test_the_order(db: None, settings: Settings) -> None:
    assert choice.speaker(NO_LIMITS, "en") is None
    for source, name in (("speech", "box"), ("admin", "added"), ("environment", "named")):
        add(Endpoint.Source(source), name, Service.SPEECH)
        settings.SPEECH_MODEL = name
        assert str(choice.speaker(NO_LIMITS, "en")) == name
    settings.SPEECH_MODEL = ""
    assert str(choice.speaker(NO_LIMITS, "en")) == "added"
    assert choice.transcriber(NO_LIMITS, "en") is None


def test_the_box_knows_english_only(db: None) -> None:
    add(Endpoint.Source.SPEECH, "heart", Service.SPEECH)
    add(Endpoint.Source.SPEECH, "tiny.en", Service.TRANSCRIPTION)
    for choose in (choice.speaker, choice.transcriber):
        assert choose(NO_LIMITS, "en") is not None
        assert choose(NO_LIMITS, "zh-hans") is None


def test_what_the_plan_does_not_include_or_is_switched_off(db: None) -> None:
    model = add(Endpoint.Source.ADMIN, "speaks", Service.SPEECH)
    assert choice.speaker(Limits(models=frozenset({"fake"})), "en") is None
    assert choice.speaker(Limits(models=frozenset({"speaks"})), "en") == model
    Endpoint.objects.update(enabled=False)
    assert choice.speaker(NO_LIMITS, "en") is None
