"""Reading the models that an endpoint lists, and what a new one is taken for."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from accounts.models import UsageRecord

from . import catalogue, localmodel
from .endpoints import OPENAI, address_of, sync_configured_endpoints
from .errors import AnswerFailed
from .models import ChatModel, Endpoint
from .upstream.client import close_clients, list_models
from .upstream.requests import EndpointAddress

logger = logging.getLogger(__name__)

NOT_FOR_CHAT = re.compile(
    r"embed|whisper|tts|audio|realtime|transcri|speech|dall-e|image|moderation|rerank|sora|davinci|babbage",
    re.IGNORECASE,
)

# What those do of which the name tells it.
SERVICES = (
    (re.compile("embed", re.IGNORECASE), UsageRecord.Service.EMBEDDINGS),
    (re.compile("whisper|transcri", re.IGNORECASE), UsageRecord.Service.TRANSCRIPTION),
    (re.compile("tts|speech", re.IGNORECASE), UsageRecord.Service.SPEECH),
    (re.compile("dall-e|image", re.IGNORECASE), UsageRecord.Service.IMAGES),
)

# Context windows of well-known families, in tokens, so that a first start needs no typing. The rows can be edited.
CONTEXT_WINDOWS: tuple[tuple[str, int], ...] = (
    ("gpt-5", 400_000),
    ("gpt-4.1", 1_000_000),
    ("gpt-4o", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-4", 8_192),
    ("gpt-3.5", 16_385),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4", 200_000),
    ("claude", 200_000),
    ("gemini", 1_000_000),
    ("deepseek", 64_000),
    ("qwen", 32_768),
    ("moonshot", 128_000),
    ("kimi", 128_000),
    ("glm", 128_000),
    ("llama-3", 128_000),
    ("mistral", 32_768),
)
UNKNOWN_WINDOW = 16_384
LONGEST_ANSWER = 4_096

BOX_NOTE = gettext_noop(
    "A very small model that runs on this machine: good for a first try, often wrong."
)


def read_endpoint_models(endpoints: Iterable[Endpoint] | None = None) -> dict[str, int]:
    """Ask each endpoint for its models and insert the new ones; existing rows are left alone.

    endpoints: all enabled ones by default, after the configured ones have been brought up to date; but the speech in
    the box, whose models are known.
    Returns how many were added, by endpoint. A failure only warns. Sync: call it from a command or the admin.
    """
    if endpoints is None:
        sync_configured_endpoints()
        endpoints = Endpoint.objects.filter(enabled=True).exclude(source=Endpoint.Source.SPEECH)
    added: dict[str, int] = {}
    for endpoint in list(endpoints):
        names = names_of_models(endpoint.name, address_of(endpoint))
        if endpoint.source == Endpoint.Source.ENVIRONMENT and settings.OPENAI_MODEL:
            names = [settings.OPENAI_MODEL, *(names or [])]  # also where /models is missing or down
        if names is not None:
            added[endpoint.name] = add_models(endpoint, names)
            if endpoint.source == Endpoint.Source.ENVIRONMENT:
                offer_configured_speech(endpoint)
    ensure_default_model()
    return added


def names_of_models(name: str, address: EndpointAddress) -> list[str] | None:
    """As the endpoint lists them; None if they cannot be read, and then the log says why. Sync."""

    async def ask() -> list[str]:
        try:
            return await list_models(address)
        finally:
            await close_clients()

    try:
        return asyncio.run(ask())
    except AnswerFailed as error:
        logger.warning("The models of endpoint %s could not be read: %s", name, error)
        return None


def add_models(endpoint: Endpoint, names: Iterable[str]) -> int:
    """Insert the models that are not there yet; enabled unless plainly not for chat. Returns how many."""
    known = set(endpoint.chat_models.values_list("name", flat=True))
    in_box = endpoint.source == Endpoint.Source.BOX
    rows = [
        _new_model(endpoint, name, in_box=in_box)
        for name in dict.fromkeys(names)
        if name not in known
    ]
    ChatModel.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def offer_configured_speech(endpoint: Endpoint) -> None:
    """What the settings name is on offer for just that, also where the list has it switched off or not at all."""
    for name, service in (
        (settings.TRANSCRIPTION_MODEL, UsageRecord.Service.TRANSCRIPTION),
        (settings.SPEECH_MODEL, UsageRecord.Service.SPEECH),
    ):
        if name:
            add_models(endpoint, [name])
            rows = endpoint.chat_models.filter(name=name)
            rows.update(service=service, enabled=True, is_default=False)


def _new_model(endpoint: Endpoint, name: str, *, in_box: bool) -> ChatModel:
    if in_box:
        window = localmodel.CONTEXT_TOKENS // localmodel.SLOTS
        return ChatModel(
            endpoint=endpoint,
            name=name,
            note=BOX_NOTE,
            context_window=window,
            max_output_tokens=window // 2,
            max_tokens_parameter=ChatModel.MaxTokensParameter.MAX_TOKENS,
        )
    own_openai = endpoint.base_url.startswith(OPENAI)
    names = ChatModel.MaxTokensParameter
    return ChatModel(
        endpoint=endpoint,
        name=name,
        service=service_of(name),
        enabled=not NOT_FOR_CHAT.search(name),
        context_window=context_window_of(name),
        max_output_tokens=LONGEST_ANSWER,
        max_tokens_parameter=names.MAX_COMPLETION_TOKENS if own_openai else names.MAX_TOKENS,
    )


def service_of(name: str) -> UsageRecord.Service:
    """What a model with this name does, as far as the name tells."""
    found = (service for pattern, service in SERVICES if pattern.search(name))
    return next(found, UsageRecord.Service.CHAT)


def context_window_of(name: str) -> int:
    """Tokens, by the model's family; a cautious number for a name nobody knows."""
    bare = name.rsplit("/", 1)[-1].lower()
    for family, window in CONTEXT_WINDOWS:
        if bare.startswith(family):
            return window
    return UNKNOWN_WINDOW


def ensure_default_model() -> None:
    """OPENAI_MODEL, else the first model on offer, becomes the default only if none on offer is."""
    with transaction.atomic():
        on_offer = catalogue.on_offer()
        if on_offer.filter(is_default=True).exists():
            return
        wanted = (
            on_offer.filter(name=settings.OPENAI_MODEL).first() if settings.OPENAI_MODEL else None
        )
        model = wanted or on_offer.order_by("endpoint__source", "name").first()
        if model is not None:
            ChatModel.objects.filter(is_default=True).update(is_default=False)
            ChatModel.objects.filter(pk=model.pk).update(is_default=True)
