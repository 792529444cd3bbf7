"""One action on several conversations at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.models import User
from chatsite.views import wants_json

from .. import deletion, organizing
from ..errors import InvalidParameter
from ..forms import fields_of, names_field, text_field
from .organizing import deleted_sentence, folder_of, offer_undo, tag_named, undo_address
from .replies import back_to_list, owner, refusals, signed_in

MOST_SELECTED = 500
SWITCHES = {
    "pin": (organizing.pin, True),
    "unpin": (organizing.pin, False),
    "archive": (organizing.archive, True),
    "unarchive": (organizing.archive, False),
}


@require_POST
@signed_in
@refusals
def act(request: HttpRequest) -> HttpResponseBase:
    """`action` on each `conversation`; those that are not one's own are passed over."""
    user, fields = owner(request), fields_of(request)
    keys = _selected(fields)
    action = text_field(fields, "action")
    undo = ""
    if action == "delete":
        now = timezone.now()
        count, undo = deletion.delete_conversations(user, keys, now=now), undo_address(now)
    else:
        count = _organize(user, keys, action, fields)
    if wants_json(request):
        return JsonResponse({"changed": count} | ({"undo": undo} if undo else {}))
    if undo and count:
        offer_undo(request, deleted_sentence(count), undo)
    else:
        changed = ngettext(
            "%(count)s conversation has been changed.",
            "%(count)s conversations have been changed.",
            count,
        )
        messages.success(request, changed % {"count": count})
    return back_to_list(text_field(fields, "next"))


def _organize(user: User, keys: list[UUID], action: str, fields: Mapping[str, Any]) -> int:
    if action in SWITCHES:
        change, value = SWITCHES[action]
        return change(user, keys, value=value)
    if action == "move":
        return organizing.move(user, keys, folder_of(user, fields))
    if action == "tag":
        return organizing.put_tag(user, keys, tag_named(user, fields))
    if action == "untag":
        return organizing.take_tag(user, keys, tag_named(user, fields))
    raise InvalidParameter(_("There is no such action."))


def _selected(fields: Mapping[str, Any]) -> list[UUID]:
    names = names_field(fields, "conversation")
    if not 0 < len(names) <= MOST_SELECTED:
        raise InvalidParameter(_("Select 1 to %(limit)s conversations.") % {"limit": MOST_SELECTED})
    try:
        return [UUID(name) for name in names]
    except ValueError:
        raise InvalidParameter(_("%(name)s has to be a UUID.") % {"name": "conversation"}) from None
