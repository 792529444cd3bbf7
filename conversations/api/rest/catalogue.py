"""What can be chosen: models and role presets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router

from conversations import catalogue
from conversations.models import ChatModel

from .fields import Paging
from .keys import READ, caller
from .lists import Place, page_of
from .schemas import ON_LISTS, ModelList

models = Router(tags=["Models"], auth=READ)


@models.get("", response={200: ModelList, **ON_LISTS}, summary="List models")
def list_models(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The models that your plan offers, the default first."""
    offered = catalogue.offered(caller(request).limits)
    rows, following = page_of(offered, _place, cursor=paging.cursor, limit=paging.limit)
    return {"items": [_model(row) for row in rows], "next": following}


def _place(model: ChatModel) -> Place:
    return ("" if model.is_default else "1", model.endpoint.name, model.name)


def _model(model: ChatModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "label": str(model),
        "note": _(model.note) if model.note else "",
        "default": model.is_default,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "sees_images": model.sees_images,
    }
