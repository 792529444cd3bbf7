"""A program: alice's key, and what is asked with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, Plan, User
from conversations.models import ChatModel


class Program:
    """What a program does with one API key: JSON there and back."""

    def __init__(self, key: ApiKey, text: str) -> None:
        self.key = key
        self.text = text
        self.client = Client()

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {self.text}", **headers})

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self.client.post(
            path,
            content,
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": f"Bearer {self.text}", **headers},
        )

    def ask(self, content: Any = "Hello", **fields: Any) -> Any:
        messages = [{"role": "user", "content": content}]
        return self.post("/v1/chat/completions", {"model": "fake", "messages": messages, **fields})


def program_of(user: User, **fields: Any) -> Program:
    made = api_keys.create_key(user, **{"name": "script", "now": timezone.now(), **fields})
    assert made is not None
    return Program(*made)


@pytest.fixture
def program(alice: User, chat_model: ChatModel) -> Program:
    """Alice's, without limits, that may ask models and hear and speak."""
    plan = Plan.objects.get_or_create(name="Unlimited")[0]
    User.objects.filter(pk=alice.pk).update(plan=plan)
    return program_of(alice, scopes=["chat", "audio"])
