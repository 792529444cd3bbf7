"""The models on offer, and which one a person gets."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import UsageRecord
from accounts.quotas import Limits
from chatsite.statements import Select, parameter

from .endpoints import endpoints_without_models
from .errors import ModelNotAllowed, ModelsComing, ModelUnknown
from .models import ChatModel

CHAT = UsageRecord.Service.CHAT


def on_offer(service: UsageRecord.Service | None = CHAT) -> QuerySet[ChatModel]:
    """The models that do this (None: whatever they do) and are switched on, as are their endpoints."""
    rows = ChatModel.objects.filter(enabled=True, endpoint__enabled=True)
    return rows if service is None else rows.filter(service=service)


def _in_order(rows: QuerySet[ChatModel]) -> QuerySet[ChatModel]:
    return rows.select_related("endpoint").order_by("-is_default", "endpoint__name", "name")


_everything = Select(lambda: _in_order(on_offer(None)))
_doing = Select(lambda: _in_order(on_offer(None).filter(service=parameter(ChatModel, "service"))))


def offered(limits: Limits, *, service: UsageRecord.Service | None = CHAT) -> list[ChatModel]:
    """The models a person with these limits may use, the default first. One query."""
    rows = _everything() if service is None else _doing(service=service)
    return [row for row in rows if limits.allows(row.name)]


def has_models() -> bool:
    """Whether any model is on offer. One query."""
    return on_offer().exists()


def are_models_coming() -> bool:
    """None is on offer, but an endpoint may name some any moment. At most two queries."""
    return not has_models() and bool(endpoints_without_models())


def choose_model(
    name: str,
    *,
    limits: Limits,
    candidates: Iterable[ChatModel | None] = (),
    preferred: str = "",
    service: UsageRecord.Service = CHAT,
) -> ChatModel:
    """The model named by a request; else the first of `candidates` that is on offer; else the preferred or default.

    Raises ModelUnknown or ModelNotAllowed for a name that was asked for, ModelUnknown if there is none at all, or
    ModelsComing if there may be one in a moment.
    """
    models = offered(limits, service=service)
    if not models and are_models_coming():
        raise ModelsComing
    if name:
        for model in models:
            if model.name == name:
                return model
        exists = on_offer(service).filter(name=name).exists()
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
