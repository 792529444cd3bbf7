"""What people do with their conversations from a row's menu: rename, delete, take it back."""

from __future__ import annotations

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

from chatsite.views import see_other, wants_json

from .. import access, deletion, services
from ..errors import InvalidParameter
from ..forms import fields_of, text_field
from ..models import Conversation
from .pages import owner
from .replies import refusals, signed_in


@require_safe
@signed_in
def menu(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """What can be done with one conversation: a page, of which scripts take the panel."""
    conversation = access.get_conversation(owner(request), conversation_id)
    return render(request, "conversations/menu.html", {"conversation": conversation})


@require_POST
@signed_in
@refusals
def rename(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    conversation = access.get_conversation(owner(request), conversation_id)
    services.rename_conversation(conversation, title=text_field(fields_of(request), "title"))
    conversation.refresh_from_db(fields=["title"])
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk, "title": conversation.title})
    return back_to(conversation)


@require_POST
@signed_in
def delete(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Nothing is asked: it can be taken back."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    deletion.delete_conversations(user, [conversation.pk], now=timezone.now())
    if wants_json(request):
        return HttpResponse(status=204)
    undo = reverse("conversations:restore", args=[conversation.pk])
    offer_undo(request, _("The conversation has been deleted."), undo)
    return see_other(reverse("conversations:new"))


@require_POST
@signed_in
def restore(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Undo of a deletion."""
    conversation = access.get_restorable(owner(request), conversation_id)
    deletion.restore_conversation(conversation)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk})
    return back_to(conversation)


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
    undo = f"{reverse('conversations:restore-many')}?{urlencode({'deleted_at': now.isoformat()})}"
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
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise InvalidParameter(_("%(name)s has to be a moment.") % {"name": "deleted_at"})
    count = deletion.restore_deleted_at(owner(request), moment)
    if wants_json(request):
        return JsonResponse({"restored": count})
    return see_other(reverse("conversations:new"))


def deleted_sentence(count: int) -> str:
    return ngettext(
        "%(count)s conversation has been deleted.",
        "%(count)s conversations have been deleted.",
        count,
    ) % {"count": count}


def offer_undo(request: HttpRequest, sentence: str, address: str) -> None:
    """A notice on the next page with a form that posts to the address."""
    messages.success(request, sentence, extra_tags=address)


def back_to(conversation: Conversation) -> HttpResponse:
    return see_other(reverse("conversations:conversation", args=[conversation.pk]))
