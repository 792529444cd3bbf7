"""What an answer cost and what was sent for it, for whoever asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import UsageRecord
from chatsite.views import wants_json

from .. import access
from ..errors import NotPossible
from ..models import Message
from ..parameters import PARAMETERS
from ..receipts import receipts_of, title_call_of
from .replies import owner, refusals, signed_in


@require_safe
@signed_in
@refusals
def receipt(request: HttpRequest, message_id: UUID) -> HttpResponseBase:
    message = access.get_message(owner(request), message_id)
    if message.role != Message.Role.ASSISTANT:
        raise NotPossible(_("Only an answer has a receipt."))
    found, title = receipts_of(message), title_call_of(message)
    if wants_json(request):
        answers = [asdict(one) for one in found]
        return JsonResponse({"completions": answers, "title": title and _of_title(title)})
    rows = [
        {
            "receipt": one,
            "status": Message.Status(one.status).label,
            "parameters": [
                (PARAMETERS[name].label, value)
                for name, value in one.parameters.items()
                if name in PARAMETERS
            ],
        }
        for one in found
    ]
    context = {"message": message, "rows": rows, "title_call": title}
    return render(request, "conversations/receipt.html", context)


def _of_title(record: UsageRecord) -> dict[str, Any]:
    names = ("model_name", "outcome", "tokens_in", "tokens_out", "tokens_cached", "money")
    return {name: getattr(record, name) for name in names}
