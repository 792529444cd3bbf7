"""Models for sound on the scripted endpoint."""

from __future__ import annotations

import json

import pytest

from accounts.callers import Caller
from accounts.models import Plan, UsageRecord, User
from accounts.quotas import limits_of
from conversations.models import ChatModel
from tests.upstream import Upstream

WAVE = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(256))
MP3 = b"ID3\x04\x00\x00" + bytes(100)


@pytest.fixture
def recogniser(chat_model: ChatModel) -> ChatModel:
    return sounding(chat_model, "whisper-1", UsageRecord.Service.TRANSCRIPTION)


@pytest.fixture
def voice(chat_model: ChatModel) -> ChatModel:
    return sounding(chat_model, "tts-1", UsageRecord.Service.SPEECH)


def sounding(chat_model: ChatModel, name: str, service: UsageRecord.Service) -> ChatModel:
    return ChatModel.objects.create(
        endpoint=chat_model.endpoint, name=name, service=service, price_in=1, price_out=2
    )


@pytest.fixture
def caller(alice: User) -> Caller:
    return caller_with(alice)


def caller_with(user: User, **limits: object) -> Caller:
    plan = Plan.objects.create(name=f"Plan {Plan.objects.count()}", **limits)
    User.objects.filter(pk=user.pk).update(plan=plan)
    user.refresh_from_db()
    return Caller(user, limits_of(user))


def reply(upstream: Upstream, path: str, body: object, content_type: str = "") -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    upstream.replies[f"/v1/audio/{path}"] = (content_type or "application/json", content)
