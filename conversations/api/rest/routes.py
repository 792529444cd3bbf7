"""The API as a whole: its routes, and where it describes itself."""

from __future__ import annotations

from django.urls import path
from ninja import NinjaAPI

from . import documentation
from .catalogue import models, role_presets
from .completions import completions
from .conversations import conversations
from .description import DESCRIPTION, TAGS
from .fields import JsonParser
from .messages import messages
from .refusals import tell_in_our_words
from .usage import usage

api = NinjaAPI(
    title="Chatsite",
    version="1",
    description=DESCRIPTION,
    openapi_extra={"tags": TAGS},
    openapi_url=None,
    docs_url=None,
    urls_namespace="rest",
    parser=JsonParser(),
)
tell_in_our_words(api)
api.add_router("/conversations", conversations)
api.add_router("", messages)
api.add_router("/completions", completions)
api.add_router("/models", models)
api.add_router("/presets", role_presets)
api.add_router("/usage", usage)

urlpatterns = [
    *api.urls[0],
    path("openapi.json", documentation.openapi, {"api": api}),
    path("docs", documentation.page),
    path("docs/<str:name>", documentation.file),
]
