"""Reading another person's chats: not by default, only with a reason, and never without their learning of it.

Who may needs the permission `accounts.break_glass`, gives a reason, and then has an hour. The reason and each chat that
is opened stand in the person's own activity, and a mail goes to them where mail is configured.
"""

from __future__ import annotations

from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.emails import once_committed
from accounts.models import User
from chatsite.views import see_other

from .. import selectors
from ..forms import uuid_or_none
from ..models import Conversation
from .replies import owner, signed_in

AT_ONCE = 50


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        min_length=10,
        max_length=500,
        help_text=_("The person will read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@never_cache
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def chats(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Asks for the reason first; then the person's conversations, newest first."""
    person = _person(request, user_id)
    if request.method == "POST":
        response: HttpResponseBase = _break(request, person)
        return response
    if audit.broken_glass(owner(request), person, now=timezone.now()) is None:
        context = {"person": person, "form": ReasonForm()}
        return render(request, "conversations/break_glass.html", context)
    rows = person.conversations.filter(deleted_at=None).order_by("-active_at", "id")
    page = Paginator(rows, AT_ONCE).get_page(request.GET.get("page"))
    return render(request, "conversations/others_chats.html", {"person": person, "page": page})


@never_cache
@require_safe
@signed_in
def chat(request: HttpRequest, user_id: int, conversation_id: UUID) -> HttpResponseBase:
    """One conversation to read, and nothing else."""
    person = _person(request, user_id)
    if audit.broken_glass(owner(request), person, now=timezone.now()) is None:
        return see_other(reverse("conversations:others-chats", args=[person.pk]))
    found = get_object_or_404(Conversation, pk=conversation_id, owner=person, deleted_at=None)
    audit.now_reading(owner(request), person, target=found.pk, request=request)
    before = uuid_or_none(request.GET.get("before", ""))
    transcript = selectors.transcript(found, before=before)
    context = {"person": person, "conversation": found, "transcript": transcript}
    return render(request, "conversations/others_chat.html", context)


def _person(request: HttpRequest, user_id: int) -> User:
    """For everybody else there is no such page, and for no one but an administrator one about an administrator."""
    reader = owner(request)
    if not audit.may_break_glass(reader):
        raise Http404
    people = User.objects.all() if reader.is_superuser else User.objects.filter(is_superuser=False)
    return get_object_or_404(people, pk=user_id)


@reauthentication_required  # type: ignore[untyped-decorator]
def _break(request: HttpRequest, person: User) -> HttpResponseBase:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        context = {"person": person, "form": form}
        return render(request, "conversations/break_glass.html", context, status=400)
    reason = form.cleaned_data["reason"]
    with transaction.atomic():
        audit.record(audit.Action.GLASS_BROKEN, request=request, subject=person, reason=reason)
        if settings.EMAIL_URL and person.email:
            by = owner(request).get_username()
            context = {"user": person, "reason": reason, "by": by}
            send = get_adapter().send_mail
            once_committed(send, "account/email/chats_opened", person.email, context)
    return see_other(reverse("conversations:others-chats", args=[person.pk]))
