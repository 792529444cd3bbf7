"""Where endpoints are: of each row the address, and the rows that stand for what is configured.

Keys are never stored: an endpoint's row names the environment variable that holds its key, read here at call time.
That of the model in the box follows from SECRET_KEY: `manage.py chat` talks to it, too, and no `serve` started that.
"""

from __future__ import annotations

import logging
import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.models import UsageRecord
from chatsite.settings import environment

from . import localmodel
from .models import ChatModel, Endpoint
from .speech import local
from .upstream.requests import EndpointAddress

logger = logging.getLogger(__name__)

# What runs beside the server, and the variable that says where.
BOXES: dict[str, str] = {
    Endpoint.Source.BOX: localmodel.URL_VARIABLE,
    Endpoint.Source.SPEECH: local.URL_VARIABLE,
}
OPENAI = "https://api.openai.com/v1"


def endpoints_without_models() -> list[Endpoint]:
    """Those in use that have named none yet: their lists are being read, or asked for again. One query."""
    return list(Endpoint.objects.filter(enabled=True, chat_models=None))


def address_of(endpoint: Endpoint) -> EndpointAddress:
    """Where and with which key to call it, read now."""
    is_box = endpoint.source in BOXES
    return EndpointAddress(
        # Nodes that share a database each have their own; what `serve` has not started asks the one in the row.
        base_url=os.environ.get(BOXES.get(endpoint.source, ""), "") or endpoint.base_url,
        api_key=box_key() if is_box else _key(endpoint.key_variable),
        connect_seconds=endpoint.connect_seconds,
        first_delta_seconds=endpoint.first_delta_seconds,
        silence_seconds=endpoint.silence_seconds,
        total_seconds=endpoint.total_seconds,
        proxy="" if is_box else settings.OPENAI_PROXY,
    )


def box_key() -> str:
    """What the model and the speech in the box take, in every process of this site."""
    return salted_hmac("conversations.endpoints.box", "", algorithm="sha256").hexdigest()


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
    configured = (settings.OPENAI_BASE_URL or OPENAI) if settings.ENDPOINT_CONFIGURED else ""
    with transaction.atomic():
        _sync(
            Endpoint.Source.ENVIRONMENT,
            name="OPENAI_BASE_URL" if settings.OPENAI_BASE_URL else "OpenAI",
            base_url=configured,
            key_variable="OPENAI_API_KEY" if settings.OPENAI_API_KEY else "",
        )
        _sync(
            Endpoint.Source.BOX,
            name="Model in the box",
            base_url=os.environ.get(localmodel.URL_VARIABLE, ""),
            key_variable="",
        )
        _sync(
            Endpoint.Source.SPEECH,
            name="Speech in the box",
            base_url=os.environ.get(local.URL_VARIABLE, ""),
            key_variable="",
        )
        _offer_local_speech()


def _sync(source: Endpoint.Source, *, name: str, base_url: str, key_variable: str) -> None:
    """Without a base URL it is no longer in use. A name is given once: it may be changed in the admin."""
    if not base_url:
        Endpoint.objects.filter(source=source).update(enabled=False)
        return
    now = {"base_url": base_url, "key_variable": key_variable}
    Endpoint.objects.update_or_create(
        source=source, defaults={**now, "enabled": True}, create_defaults={**now, "name": name}
    )


def _offer_local_speech() -> None:
    """Its two models, which need no list to be known; what is changed in them stays."""
    endpoint = Endpoint.objects.filter(source=Endpoint.Source.SPEECH, enabled=True).first()
    if endpoint is None:
        return
    for name, service in (
        (local.TRANSCRIBER, UsageRecord.Service.TRANSCRIPTION),
        (local.SPEAKER, UsageRecord.Service.SPEECH),
    ):
        ChatModel.objects.get_or_create(endpoint=endpoint, name=name, defaults={"service": service})
