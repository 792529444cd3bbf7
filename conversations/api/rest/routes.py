"""The API as a whole: its routes, and how it describes itself."""

from __future__ import annotations

from ninja import NinjaAPI

from .catalogue import models, role_presets
from .completions import completions
from .conversations import conversations
from .fields import JsonParser
from .messages import messages
from .refusals import tell_in_our_words
from .usage import usage

api = NinjaAPI(
    title="Chatsite",
    version="1",
    description="What is yours on this site.",
    urls_namespace="rest",
    openapi_url=None,
    docs_url=None,
    parser=JsonParser(),
)
tell_in_our_words(api)
api.add_router("/conversations", conversations)
api.add_router("", messages)
api.add_router("/completions", completions)
api.add_router("/models", models)
api.add_router("/presets", role_presets)
api.add_router("/usage", usage)

urlpatterns = api.urls[0]
