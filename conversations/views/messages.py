"""Actions on conversations and messages: form posts that lead back to the page, or JSON for scripts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.quotas import QuotaExceeded
from chatsite.views import see_other, wants_json

from .. import access, branching, selectors, sending, services
from ..errors import ConversationError, InvalidParameter
from ..forms import fields_of, sending_of, text_field, uuid_field, variables_of
from ..models import Conversation, Message
from ..parameters import read_parameters
from ..sending import Sent
from .pages import page_with_refusal
from .replies import (
    back_to,
    language,
    owner,
    refusal_json,
    refusals,
    sent_json,
    signed_in,
)


@require_POST
@signed_in
def send(request: HttpRequest) -> HttpResponseBase:
    """The first message of a new conversation."""
    return _send(request, None)


@require_POST
@signed_in
def send_in(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    return _send(request, access.get_conversation(owner(request), conversation_id))


def _send(request: HttpRequest, conversation: Conversation | None) -> HttpResponseBase:
    fields: dict[str, Any] = {}
    try:
        fields = fields_of(request)
        wanted = sending_of(fields, language=language())
        sent = sending.send_message(
            owner(request), wanted, conversation=conversation, now=timezone.now()
        )
    except (ConversationError, QuotaExceeded) as refusal:
        if wants_json(request):
            return refusal_json(refusal)
        # What was read for the send may have been changed by it in memory: the page shows what is stored.
        if conversation is not None:
            conversation = access.get_conversation(owner(request), conversation.pk)
        return page_with_refusal(request, conversation, refusal, fields)
    return _sent(request, sent)


def _sent(request: HttpRequest, sent: Sent) -> HttpResponseBase:
    if wants_json(request):
        return sent_json(sent)
    page = reverse("conversations:conversation", args=[sent.conversation_id])
    return see_other(f"{page}#message-{sent.first.answer_id}")


@require_POST
@signed_in
@refusals
def regenerate(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    user = owner(request)
    completion = access.get_completion(user, completion_id)
    message = access.get_message(user, completion.message_id)
    model = text_field(fields_of(request), "model").strip()
    return _sent(request, sending.regenerate(user, message, model=model, now=timezone.now()))


@require_POST
@signed_in
@refusals
def continue_(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    user = owner(request)
    completion = access.get_completion(user, completion_id)
    message = access.get_message(user, completion.message_id)
    return _sent(request, sending.continue_answer(user, message, now=timezone.now()))


@require_POST
@signed_in
def stop(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    """202 at once; the stream says when it has stopped."""
    completion = access.get_completion(owner(request), completion_id)
    services.stop_completion(completion)
    if wants_json(request):
        return JsonResponse({"completion": completion.pk}, status=202)
    return back_to(completion.conversation)


@require_POST
@signed_in
def stop_all(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """202 at once, like `stop`: of one answer or of several that are compared."""
    conversation = access.get_conversation(owner(request), conversation_id)
    services.stop_all(conversation)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk}, status=202)
    return back_to(conversation)


@require_POST
@signed_in
@refusals
def settings(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Model, role preset with its variables, and parameters of what follows."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    fields = fields_of(request)
    try:
        services.choose(
            user,
            conversation,
            model=text_field(fields, "model").strip(),
            preset=text_field(fields, "preset").strip() if "preset" in fields else None,
            parameters=read_parameters(fields),
            variables=variables_of(fields),
            language=language(),
        )
    except InvalidParameter as refusal:
        if wants_json(request) or not refusal.field:
            raise
        # What was read for the change may have been changed in memory: the page shows what is stored.
        stored = access.get_conversation(user, conversation.pk)
        return page_with_refusal(request, stored, refusal, fields)
    if wants_json(request):
        return JsonResponse({"conversation": conversation.pk})
    return back_to(conversation)


@require_POST
@signed_in
@refusals
def leaf(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Show the branch that goes through a message."""
    conversation, message = _named_message(request, conversation_id)
    services.show_branch(conversation, message)
    if wants_json(request):
        page = _page_with(conversation, message)
        return JsonResponse({"conversation": conversation.pk, "url": page})
    return _to_message(conversation, message)


@require_POST
@signed_in
@refusals
def branch(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """Copy what leads to an answer into a new conversation."""
    conversation, message = _named_message(request, conversation_id)
    made = branching.branch_conversation(conversation, message, now=timezone.now())
    page = reverse("conversations:conversation", args=[made.pk])
    if wants_json(request):
        return JsonResponse({"conversation": made.pk, "url": page}, status=201)
    messages.success(request, _("This is a new chat with what came before."))
    return see_other(page)


def _named_message(request: HttpRequest, conversation_id: UUID) -> tuple[Conversation, Message]:
    """The conversation and the message of it that the field `message` names."""
    user = owner(request)
    conversation = access.get_conversation(user, conversation_id)
    key = uuid_field(fields_of(request), "message")
    if key is None:
        raise InvalidParameter(_("message has to be a UUID."))
    message = access.get_message(user, key)
    if message.conversation_id != conversation.pk:
        raise InvalidParameter(_("The message is not in this conversation."))
    return conversation, message


@require_POST
@signed_in
@refusals
def feedback(request: HttpRequest, message_id: UUID) -> HttpResponseBase:
    message = access.get_message(owner(request), message_id)
    value = text_field(fields_of(request), "value").strip()
    services.give_feedback(message, value=value)
    if wants_json(request):
        return JsonResponse({"message": message.pk, "value": value})
    return _to_message(message.conversation, message)


def _to_message(conversation: Conversation, message: Message) -> HttpResponse:
    return see_other(f"{_page_with(conversation, message)}#message-{message.pk}")


def _page_with(conversation: Conversation, message: Message) -> str:
    """The address of the window that holds the message: a long conversation is not shown as a whole."""
    page = reverse("conversations:conversation", args=[conversation.pk])
    before = selectors.window_around(conversation, message.pk)
    return f"{page}?{urlencode({'before': before})}" if before else page
