"""The chat page, whole or one message of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import quotas
from chatsite.views import wants_json

from .. import access, preset_choices, runtime, selectors
from ..errors import ConversationError
from ..forms import fields_of, text_field, uuid_or_none
from ..models import Conversation, Message
from .choices import picker_context
from .quota import quota_view
from .replies import language, owner, refusals, signed_in, with_retry_after
from .rows import message_rows
from .sidebar import sidebar_context

MOST_SUGGESTED = 4_000  # characters


@dataclass
class Composer:
    """The form for the next message; after an error it holds the text that was not sent."""

    action: str
    client_id: UUID = field(default_factory=uuid4)
    content: str = ""
    edit: str = ""
    error: str = ""
    error_field: str = ""
    max_bytes: int = field(default_factory=lambda: settings.MESSAGE_MAX_BYTES)
    autofocus: bool = True


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@refusals
def new(request: HttpRequest) -> HttpResponseBase:
    """An empty chat. Nothing is written before the first message; POST shows what a form without scripts has chosen."""
    if request.method != "POST":
        return chat_page(request, None)
    fields = fields_of(request)
    composer = Composer(action=_send_url(None), content=text_field(fields, "content"))
    return chat_page(request, None, composer=composer, chosen=fields)


@require_safe
@signed_in
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    found = access.get_conversation(owner(request), conversation_id)
    before = uuid_or_none(request.GET.get("before", ""))
    if wants_json(request):
        return conversation_json(found, before=before)
    if request.GET.get("part") == "messages":
        window = _window(selectors.transcript(found, before=before))
        return render(request, "conversations/_messages.html", window)
    return chat_page(request, found)


def _window(transcript: selectors.Transcript) -> dict[str, Any]:
    """Its messages, those that are compared apart, and the way to what came before them."""
    decided = len(transcript.decided)
    rows = message_rows([*transcript.decided, *transcript.compared])
    return {
        "rows": rows[:decided],
        "compared": rows[decided:],
        "older_url": f"?{urlencode({'before': transcript.older})}" if transcript.older else "",
    }


def _suggested(query: Mapping[str, str]) -> str:
    """Text for the composer from the address: an example (`q`), or what another app shared (`title`, `q`, `url`)."""
    parts: list[str] = []
    for name in ("title", "q", "url"):
        text = query.get(name, "").strip()
        if text and not any(text in part for part in parts):
            parts.append(text)
    return "\n\n".join(parts)


def chat_page(
    request: HttpRequest,
    shown: Conversation | None,
    *,
    composer: Composer | None = None,
    chosen: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page with one conversation or none. At most 10 queries, however much there is."""
    runtime.warm_up()
    user = owner(request)
    limits = quotas.limits_of(user)
    if chosen is None:
        chosen = {} if shown else request.GET
    errors = {composer.error_field: composer.error} if composer else {}
    context = picker_context(user, shown, limits, chosen, language=language(), errors=errors)
    before = uuid_or_none(request.GET.get("before", ""))
    transcript = (
        selectors.transcript(shown, before=before) if shown else selectors.Transcript((), None)
    )
    if composer is None:
        suggested = _suggested(request.GET)
        composer = Composer(action=_send_url(shown), content=suggested[:MOST_SUGGESTED])
        if len(suggested) > MOST_SUGGESTED:
            composer.error = _("The text was too long to be taken over: this is its beginning.")
        # On a telephone the keyboard would cover what one came to read.
        composer.autofocus = "Mobi" not in request.headers.get("User-Agent", "")
        _prefill_edit(composer, shown, uuid_or_none(request.GET.get("edit", "")))
    context |= {
        "conversation": shown,
        "title_is_due": shown is not None and shown.title_is_due(now=timezone.now()),
        **_window(transcript),
        "newer_hidden": transcript.ends_early,
        "running": transcript.running,
        "stop_url": reverse("conversations:stop", args=[shown.pk]) if shown else "",
        "composer": composer,
        "quota": quota_view(user, limits),
        **sidebar_context(request, user, shown),
    }
    return render(request, "conversations/chat.html", context, status=status)


def _send_url(shown: Conversation | None) -> str:
    if shown is None:
        return reverse("conversations:send")
    return reverse("conversations:send-in", args=[shown.pk])


def _prefill_edit(composer: Composer, shown: Conversation | None, edit: UUID | None) -> None:
    """The text of a message of the user's own, wherever in the conversation it is; of anything else nothing."""
    if shown is None or edit is None:
        return
    message = access.find_message(shown, edit, role=Message.Role.USER)
    if message is not None:
        composer.content, composer.edit = message.content, str(edit)


def conversation_json(found: Conversation, *, before: UUID | None) -> JsonResponse:
    """The newest window of the current branch, or the one before that message; `older` asks for the next.

    `comparison` has the answers of which none has been kept yet; the last of `messages` is one of them.
    """
    transcript = selectors.transcript(found, before=before)
    return JsonResponse(
        {
            "conversation": found.pk,
            "title": found.title,
            "model": found.model.name if found.model else None,
            "preset": preset_choices.preset_key(found.preset) if found.preset else None,
            "variables": found.preset_variables,
            "leaf": found.current_leaf_id,
            "older": transcript.older,
            "messages": [_message_json(message) for message in transcript.messages],
            "comparison": [_message_json(message) for message in transcript.compared],
        }
    )


def _message_json(message: selectors.MessageView) -> dict[str, Any]:
    return {
        "id": message.id,
        "role": message.role,
        "status": message.status,
        "content": message.content,
        "reasoning": message.reasoning,
        "code": message.error_code,
        "model": message.model_name,
        "completion": message.completion_id,
        "siblings": message.siblings,
    }


@require_safe
@signed_in
def message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """One message as the page shows it, for scripts that take the place of a reload."""
    found = access.get_message(owner(request), message_id)
    (view,) = selectors.message_views([found])
    return HttpResponse(message_rows([view])[0].html)


@require_safe
@signed_in
def shortcuts(request: HttpRequest) -> HttpResponse:
    """The keys that the chat page obeys."""
    return render(request, "conversations/shortcuts.html")


def page_with_refusal(
    request: HttpRequest,
    shown: Conversation | None,
    refusal: ConversationError | quotas.QuotaExceeded,
    fields: dict[str, Any],
) -> HttpResponse:
    """The chat page again with the refusal's status and the text that was not sent."""
    content, edit = fields.get("content"), fields.get("edit")
    composer = Composer(
        action=_send_url(shown),
        content=content if isinstance(content, str) else "",
        edit=edit if isinstance(edit, str) else "",
        error=str(refusal.message),
        error_field=getattr(refusal, "field", ""),
    )
    page = chat_page(request, shown, composer=composer, chosen=fields, status=refusal.status)
    return with_retry_after(page, refusal)
