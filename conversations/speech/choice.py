"""Which model turns a person's speech into text, and text into speech.

In order: what the settings name at the configured endpoint; one of an endpoint that an administrator has added; the
one in the box, which knows English only. Without any the page may use the browser's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from accounts.models import UsageRecord
from accounts.quotas import Limits

from .. import catalogue
from ..models import ChatModel, Endpoint

Service = UsageRecord.Service


def transcriber(limits: Limits, language: str) -> ChatModel | None:
    """language: a code of settings.LANGUAGES, in which is spoken. One query."""
    return transcriber_among(catalogue.offered(limits, service=Service.TRANSCRIPTION), language)


def transcriber_among(models: Iterable[ChatModel], language: str) -> ChatModel | None:
    """The same of models with their endpoints that are known already, whatever they do. No query."""
    hearing = [model for model in models if model.service == Service.TRANSCRIPTION]
    return _choose(hearing, settings.TRANSCRIPTION_MODEL, language)


def speaker(limits: Limits, language: str) -> ChatModel | None:
    """language: a code of settings.LANGUAGES, of the text. One query."""
    models = catalogue.offered(limits, service=Service.SPEECH)
    return _choose(models, settings.SPEECH_MODEL, language)


def _choose(models: Iterable[ChatModel], configured: str, language: str) -> ChatModel | None:
    found: dict[str, ChatModel] = {}
    for model in models:
        source = model.endpoint.source
        if source == Endpoint.Source.ENVIRONMENT and model.name != configured:
            continue
        if source == Endpoint.Source.SPEECH and not language.startswith("en"):
            continue
        found.setdefault(source, model)
    order = (Endpoint.Source.ENVIRONMENT, Endpoint.Source.ADMIN, Endpoint.Source.SPEECH)
    return next((found[source] for source in order if source in found), None)
