"""An endpoint that plays scripts, a model on it, and people who talk to it through the site's own addresses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Plan, User
from conversations import runtime
from conversations.models import ChatModel, Endpoint
from tests.conversations.talk import Talk
from tests.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def chat_model(transactional_db: None, upstream: Upstream) -> Iterator[ChatModel]:
    """The default model, on the scripted endpoint; answers run on the engine's thread and are ended with the test."""
    endpoint = Endpoint.objects.create(
        name="scripted",
        base_url=upstream.url,
        connect_seconds=5,
        first_delta_seconds=20,
        silence_seconds=20,
        total_seconds=60,
    )
    yield ChatModel.objects.create(
        endpoint=endpoint,
        name="fake",
        is_default=True,
        context_window=8192,
        max_output_tokens=1024,
        max_tokens_parameter="max_tokens",
        price_in=Decimal(1),
        price_out=Decimal(2),
    )
    runtime.shut_down_thread()


@pytest.fixture
def more_models(chat_model: ChatModel) -> None:
    """To compare with `fake`: some that answer, and some that are named after a script."""
    for name in ("second", "third", "fourth", "fake/gated", "fake/stall", "fake/401"):
        ChatModel.objects.create(
            endpoint=chat_model.endpoint,
            name=name,
            context_window=8192,
            max_output_tokens=1024,
            max_tokens_parameter="max_tokens",
        )


@pytest.fixture
def unlimited(chat_model: ChatModel) -> Plan:
    return Plan.objects.get_or_create(name="Unlimited")[0]


@pytest.fixture
def talk(client: Client, alice: User, unlimited: Plan) -> Talk:
    """Alice, signed in, with no limits, ready to talk."""
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    client.force_login(alice)
    return Talk(client)
