"""What people do with their conversations from a row's menu: rename, pin, archive, file, delete, take it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from chatsite.views import see_other, wants_json

from .. import access, deletion, listing, organizing, services
from ..errors import InvalidParameter
from ..forms import fields_of, text_field, uuid_field
from ..models import Conversation, Folder, Tag
from .replies import back_to, back_to_list, owner, refusals, signed_in


@require_safe
@signed_in
def menu(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """What can be done with one conversation: a page, of which scripts take the panel."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    folders, tags = listing.labels(user)
    worn = set(conversation.tags.values_list("pk", flat=True))
    context = {
        "conversation": conversation,
        "folders": folders,
        "tags": [(tag, tag.id in worn) for tag in tags],
    }
    return render(request, "conversations/menu.html", context)


@require_POST
@signed_in
@refusals
def rename(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    conversation = access.get_conversation(owner(request), conversation_id)
    services.rename_conversation(conversation, title=text_field(fields_of(request), "title"))
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk, "title": conversation.title})
    return back_to(conversation)


@require_POST
@signed_in
@refusals
def pin(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """`value` true or false; without it the other of the two."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    value = _wanted(
        fields_of(request), instead_of=conversation.pinned and not conversation.archived
    )
    organizing.pin(user, [conversation.pk], value=value)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk, "pinned": value})
    return back_to(conversation)


@require_POST
@signed_in
@refusals
def archive(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Like `pin`."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    value = _wanted(fields_of(request), instead_of=conversation.archived)
    organizing.archive(user, [conversation.pk], value=value)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk, "archived": value})
    if value:
        offer_undo(request, _("The conversation has been archived."), request.path)
    return back_to(conversation)


def _wanted(fields: Mapping[str, Any], *, instead_of: bool) -> bool:
    value = fields.get("value")
    if isinstance(value, bool):
        return value
    if value in (None, ""):
        return not instead_of
    if value not in ("true", "false"):
        raise InvalidParameter(_("%(name)s has to be true or false.") % {"name": "value"})
    return bool(value == "true")


@require_POST
@signed_in
@refusals
def put_in_folder(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """`folder` is one of one's own or empty; `name` makes a new one."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    folder = folder_of(user, fields_of(request))
    organizing.move(user, [conversation.pk], folder)
    if wants_json(request):
        return JsonResponse(
            {"conversation": conversation.pk, "folder": folder.pk if folder else None}
        )
    return back_to(conversation)


@require_POST
@signed_in
@refusals
def tag(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Puts the `tag` on, or takes it off if it is on; `name` makes a new one and puts it on."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    fields = fields_of(request)
    wanted = tag_named(user, fields)
    is_on = conversation.tags.filter(pk=wanted.pk).exists() and not text_field(fields, "name")
    change = organizing.take_tag if is_on else organizing.put_tag
    change(user, [conversation.pk], wanted)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk, "tag": wanted.pk, "on": not is_on})
    return see_other(reverse("conversations:menu", args=[conversation.pk]))


def folder_of(user: User, fields: Mapping[str, Any]) -> Folder | None:
    name, key = text_field(fields, "name"), uuid_field(fields, "folder")
    if name.strip():
        return organizing.make_label(Folder, user, name)
    return access.get_folder(user, key) if key else None


def tag_named(user: User, fields: Mapping[str, Any]) -> Tag:
    name, key = text_field(fields, "name"), uuid_field(fields, "tag")
    if key is not None and not name.strip():
        return access.get_tag(user, key)
    return organizing.make_label(Tag, user, name)


@require_POST
@signed_in
@refusals
def delete(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Nothing is asked: it can be taken back. The next page says so; for a program only if it wants that `notice`."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    is_form = not wants_json(request)
    has_notice = is_form or fields_of(request).get("notice") is True
    deletion.delete_conversations(user, [conversation.pk], now=timezone.now())
    if has_notice:
        undo = reverse("conversations:restore", args=[conversation.pk])
        offer_undo(request, _("The conversation has been deleted."), undo)
    return see_other(reverse("conversations:new")) if is_form else HttpResponse(status=204)


@require_POST
@signed_in
@refusals
def restore(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Undo of a deletion. A form leads to the conversation, or with `next` back to the list it is in."""
    conversation = access.get_restorable(owner(request), conversation_id)
    here = text_field(fields_of(request), "next")
    deletion.restore_conversation(conversation)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk})
    if not here:
        return back_to(conversation)
    messages.success(request, _("The conversation has been restored."))
    return back_to_list(here)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def delete_all(request: HttpRequest) -> HttpResponseBase:
    """GET asks, POST does."""
    user = owner(request)
    if request.method != "POST":
        count = Conversation.objects.filter(owner=user, deleted_at=None).count()
        return render(request, "conversations/delete_all.html", {"count": count})
    now = timezone.now()
    count = deletion.delete_all_conversations(user, now=now)
    undo = undo_address(now)
    if wants_json(request):
        return JsonResponse({"deleted": count, "undo": undo})
    offer_undo(request, deleted_sentence(count), undo)
    return see_other(reverse("conversations:new"))


@require_POST
@signed_in
@refusals
def restore_many(request: HttpRequest) -> HttpResponseBase:
    """Undo of everything that was deleted together: the address names the moment."""
    try:
        moment = parse_datetime(request.GET.get("deleted_at", ""))
        moment = moment.astimezone(UTC) if moment and timezone.is_aware(moment) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise InvalidParameter(_("%(name)s has to be a moment.") % {"name": "deleted_at"})
    count = deletion.restore_deleted_at(owner(request), moment)
    if wants_json(request):
        return JsonResponse({"restored": count})
    return see_other(reverse("conversations:new"))


@require_POST
@signed_in
@refusals
def restore_all(request: HttpRequest) -> HttpResponseBase:
    """Everything that can still be taken back."""
    here = text_field(fields_of(request), "next")
    count = deletion.restore_all(owner(request), now=timezone.now())
    if wants_json(request):
        return JsonResponse({"restored": count})
    restored = ngettext(
        "%(count)s conversation has been restored.",
        "%(count)s conversations have been restored.",
        count,
    )
    messages.success(request, restored % {"count": count})
    return back_to_list(here)


def deleted_sentence(count: int) -> str:
    return ngettext(
        "%(count)s conversation has been deleted.",
        "%(count)s conversations have been deleted.",
        count,
    ) % {"count": count}


def undo_address(moment: datetime) -> str:
    """Brings back what was deleted together at that moment."""
    query = urlencode({"deleted_at": moment.isoformat()})
    return f"{reverse('conversations:restore-many')}?{query}"


def offer_undo(request: HttpRequest, sentence: str, address: str) -> None:
    """A notice on the next page with a form that posts to the address."""
    messages.success(request, sentence, extra_tags=address)
