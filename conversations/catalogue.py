"""The models on offer: who serves them, which one a person gets, and reading an endpoint's own list.

Keys are never stored: an endpoint's row names the environment variable that holds its key, read here at call time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.quotas import Limits
from chatsite.settings import environment

from . import localmodel
from .errors import AnswerFailed, InvalidParameter, ModelNotAllowed, ModelsComing, ModelUnknown
from .models import ChatModel, Endpoint, RolePreset
from .upstream import EndpointAddress, close_clients, list_models

logger = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
PROBE_SECONDS = 30.0
PROBE_TIMEOUT_SECONDS = 3.0

NOT_FOR_CHAT = re.compile(
    r"embed|whisper|tts|audio|realtime|transcri|speech|dall-e|image|moderation|rerank|sora|davinci|babbage",
    re.IGNORECASE,
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


# --- Choosing --------------------------------------------------------------------------------------------------------


def offered(limits: Limits) -> list[ChatModel]:
    """The models a person with these limits may use, the default first. One query."""
    rows = (
        ChatModel.objects.filter(enabled=True, endpoint__enabled=True)
        .select_related("endpoint")
        .order_by("-is_default", "endpoint__name", "name")
    )
    return [row for row in rows if limits.allows(row.name)]


def has_models() -> bool:
    """Whether any model is on offer. One query."""
    return ChatModel.objects.filter(enabled=True, endpoint__enabled=True).exists()


def endpoints_without_models() -> list[Endpoint]:
    """Those in use that have named none yet: their lists are being read, or asked for again. One query."""
    return list(Endpoint.objects.filter(enabled=True, chat_models=None))


def are_models_coming() -> bool:
    """None is on offer, but an endpoint may name some any moment. At most two queries."""
    return not has_models() and bool(endpoints_without_models())


def choose_model(
    name: str, *, limits: Limits, candidates: Iterable[ChatModel | None] = (), preferred: str = ""
) -> ChatModel:
    """The model named by a request; else the first of `candidates` that is on offer; else the preferred or default.

    Raises ModelUnknown or ModelNotAllowed for a name that was asked for, ModelUnknown if there is none at all, or
    ModelsComing if there may be one in a moment.
    """
    models = offered(limits)
    if not models and are_models_coming():
        raise ModelsComing
    if name:
        for model in models:
            if model.name == name:
                return model
        exists = ChatModel.objects.filter(name=name, enabled=True, endpoint__enabled=True).exists()
        raise ModelNotAllowed if exists else ModelUnknown
    by_id = {model.pk: model for model in models}
    for candidate in candidates:
        if candidate is not None and candidate.pk in by_id:
            return by_id[candidate.pk]
    for model in models:
        if model.name == preferred:
            return model
    if not models:
        raise ModelUnknown(
            _("No model is available. An administrator has to add an endpoint or enable a model.")
        )
    return models[0]


SHARED_IN_PICKERS = 50  # of other people's; the gallery lists them all
LONG_TEXTS = ("instruction", "few_shot_turns", "example_prompts", "greeting")


def visible_presets(user: User) -> QuerySet[RolePreset]:
    """Site presets, the user's own, and those that other people share, as far as they are enabled."""
    shared = Q(shared=True, owner__is_active=True)
    return RolePreset.objects.filter(Q(owner=None) | Q(owner=user) | shared, enabled=True)


def presets_for(user: User, language: str) -> list[RolePreset]:
    """What pickers offer: site presets in this language or English, the user's own, some of others'. One query.

    Without their long texts: those of strangers, too, would be read for every page.
    """
    others = RolePreset.objects.filter(shared=True, owner__is_active=True, enabled=True)
    some = others.exclude(owner=user).order_by("position", "name")[:SHARED_IN_PICKERS]
    site = Q(owner=None, language__in={language, "en"})
    rows = RolePreset.objects.filter(site | Q(owner=user) | Q(pk__in=some), enabled=True)
    return one_of_each(rows.defer(*LONG_TEXTS), user, language)


def one_of_each(rows: Iterable[RolePreset], user: User, language: str) -> list[RolePreset]:
    """Of a site preset the row in the language, else in English; then the user's own; then those of others."""
    best: dict[str, RolePreset] = {}
    own: list[RolePreset] = []
    others: list[RolePreset] = []
    for preset in rows:
        if preset.owner_id is not None:
            (own if preset.owner_id == user.pk else others).append(preset)
        elif preset.language == language or (preset.language == "en" and preset.slug not in best):
            best[preset.slug] = preset
    site = sorted(best.values(), key=lambda preset: (preset.position, preset.name))
    return [*site, *own, *others]


def find_preset(user: User, key: str, language: str) -> RolePreset | None:
    """By slug (of a site preset) or id (of one's own, or of one that is shared). One query."""
    rows = visible_presets(user).select_related("model", "owner")
    try:
        return rows.filter(pk=UUID(key)).first()
    except ValueError:
        if "\x00" in key:
            return None  # PostgreSQL refuses to look for it
        found = list(rows.filter(owner=None, slug=key, language__in={language, "en"}))
    return min(found, key=lambda preset: preset.language != language, default=None)


def choose_preset(user: User, key: str, language: str) -> RolePreset | None:
    """As `find_preset`; None for the empty key. Raises InvalidParameter if unknown."""
    if not key:
        return None
    preset = find_preset(user, key, language)
    if preset is None:
        raise InvalidParameter(_("There is no such role preset. Choose one from the list."))
    return preset


def choose_preset_again(
    user: User, key: str, language: str, *, current: RolePreset | None
) -> RolePreset | None:
    """As `choose_preset`, but what a conversation has it may keep, on offer or not."""
    if current is not None and key == preset_key(current):
        return current
    return choose_preset(user, key, language)


def preset_key(preset: RolePreset) -> str:
    """How a request names it."""
    return preset.slug if preset.owner_id is None else str(preset.pk)


# --- Endpoints -------------------------------------------------------------------------------------------------------


def address_of(endpoint: Endpoint) -> EndpointAddress:
    """Where and with which key to call it, read now."""
    return EndpointAddress(
        base_url=endpoint.base_url,
        api_key=_key(endpoint.key_variable),
        connect_seconds=endpoint.connect_seconds,
        first_delta_seconds=endpoint.first_delta_seconds,
        silence_seconds=endpoint.silence_seconds,
        total_seconds=endpoint.total_seconds,
        proxy="" if endpoint.source == Endpoint.Source.BOX else settings.OPENAI_PROXY,
    )


def _key(variable: str) -> str:
    if not variable:
        return ""
    try:
        return environment.text(variable)
    except ImproperlyConfigured as error:
        logger.error("The key of an endpoint cannot be read: %s", error)
        return ""


def sync_configured_endpoints() -> None:
    """Bring the rows that stand for the environment and the model in the box up to date. Called at start."""
    box_url = os.environ.get(localmodel.URL_VARIABLE, "")
    with transaction.atomic():
        if settings.ENDPOINT_CONFIGURED:
            Endpoint.objects.update_or_create(
                source=Endpoint.Source.ENVIRONMENT,
                defaults={
                    "base_url": settings.OPENAI_BASE_URL or OPENAI,
                    "key_variable": "OPENAI_API_KEY" if settings.OPENAI_API_KEY else "",
                    "enabled": True,
                },
                create_defaults={
                    "name": "OpenAI" if not settings.OPENAI_BASE_URL else "OPENAI_BASE_URL",
                    "base_url": settings.OPENAI_BASE_URL or OPENAI,
                    "key_variable": "OPENAI_API_KEY" if settings.OPENAI_API_KEY else "",
                },
            )
        else:
            Endpoint.objects.filter(source=Endpoint.Source.ENVIRONMENT).update(enabled=False)
        if box_url:
            Endpoint.objects.update_or_create(
                source=Endpoint.Source.BOX,
                defaults={
                    "base_url": box_url,
                    "key_variable": localmodel.KEY_VARIABLE,
                    "enabled": True,
                },
                create_defaults={
                    "name": "Model in the box",
                    "base_url": box_url,
                    "key_variable": localmodel.KEY_VARIABLE,
                },
            )
        else:
            Endpoint.objects.filter(source=Endpoint.Source.BOX).update(enabled=False)


def read_endpoint_models(endpoints: Iterable[Endpoint] | None = None) -> dict[str, int]:
    """Ask each endpoint for its models and insert the new ones; existing rows are left alone.

    endpoints: all enabled ones by default, after the configured ones have been brought up to date.
    Returns how many were added, by endpoint. A failure only warns. Sync: call it from a command or the admin.
    """
    if endpoints is None:
        sync_configured_endpoints()
        endpoints = Endpoint.objects.filter(enabled=True)
    added: dict[str, int] = {}
    for endpoint in list(endpoints):
        names = _names_of_models(endpoint.name, address_of(endpoint))
        if endpoint.source == Endpoint.Source.ENVIRONMENT and settings.OPENAI_MODEL:
            names = [settings.OPENAI_MODEL, *(names or [])]  # also where /models is missing or down
        if names is not None:
            added[endpoint.name] = add_models(endpoint, names)
    ensure_default_model()
    return added


def _names_of_models(name: str, address: EndpointAddress) -> list[str] | None:
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
        enabled=not NOT_FOR_CHAT.search(name),
        context_window=context_window_of(name),
        max_output_tokens=LONGEST_ANSWER,
        max_tokens_parameter=names.MAX_COMPLETION_TOKENS if own_openai else names.MAX_TOKENS,
    )


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
        on_offer = ChatModel.objects.filter(enabled=True, endpoint__enabled=True)
        if on_offer.filter(is_default=True).exists():
            return
        wanted = (
            on_offer.filter(name=settings.OPENAI_MODEL).first() if settings.OPENAI_MODEL else None
        )
        model = wanted or on_offer.order_by("endpoint__source", "name").first()
        if model is not None:
            ChatModel.objects.filter(is_default=True).update(is_default=False)
            ChatModel.objects.filter(pk=model.pk).update(is_default=True)


# --- Is the endpoint well? -------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    state: str = "unknown"
    at: float = float("-inf")


_seen: defaultdict[str, _Seen] = defaultdict(_Seen)  # by base URL


def note_traffic(base_url: str, *, well: bool) -> None:
    """What the last answer or probe said about its endpoint."""
    _seen[base_url] = _Seen("ok" if well else "failing", time.monotonic())


def endpoint_state() -> str:
    """`ok`, `failing` or `unknown` of the default model's endpoint. One query. Sync; three seconds at most.

    Source: recent traffic of this process, else a probe at most every 30 s.
    """
    model = (
        ChatModel.objects.filter(enabled=True, endpoint__enabled=True)
        .select_related("endpoint")
        .order_by("-is_default")
        .first()
    )
    if model is None:
        return "unknown"
    address = address_of(model.endpoint)
    seen = _seen[address.base_url]
    if time.monotonic() - seen.at >= PROBE_SECONDS:
        seen.at = (
            time.monotonic()
        )  # before the probe: who asks meanwhile must not wait for another one
        quick = min(PROBE_TIMEOUT_SECONDS, address.first_delta_seconds)
        names = _names_of_models(model.endpoint.name, replace(address, first_delta_seconds=quick))
        note_traffic(address.base_url, well=names is not None)
    return _seen[address.base_url].state
