"""The page on which a person deletes their own account."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from allauth.account.forms import ReauthenticateForm
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import leaving
from accounts.models import User
from chatsite.views import see_other

from .. import deletion
from ..models import Conversation, RolePreset
from .replies import owner, signed_in


def _has_no_password(request: HttpRequest) -> bool:
    return not owner(request).has_usable_password()


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@reauthentication_required(enabled=_has_no_password)  # type: ignore[untyped-decorator]  # allauth has no types
def delete_account(request: HttpRequest) -> HttpResponseBase:
    """Says what goes and asks for the password; whoever has none has shown on the way here that it is they."""
    user, now = User.objects.get(pk=owner(request).pk), timezone.now()  # no lazy one: it is deleted
    if leaving.is_last_administrator(user):
        return _page(request, user, None, status=200 if request.method != "POST" else 409)
    form = None
    if user.has_usable_password():
        form = ReauthenticateForm(request.POST if request.method == "POST" else None, user=user)
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return _page(request, user, form, status=200 if request.method != "POST" else 400)
    deletion.erase_conversations(user, now=now)
    leaving.leave(user, request=request, now=now)
    request.session.flush()
    response = see_other(reverse("accounts:farewell"))
    response["Clear-Site-Data"] = '"cache", "storage"'  # pages and unsent drafts
    return response


def _page(
    request: HttpRequest, user: User, form: ReauthenticateForm | None, *, status: int
) -> HttpResponseBase:
    context = {
        "form": form,
        "is_last_administrator": leaving.is_last_administrator(user),
        "conversations": Conversation.objects.filter(owner=user, deleted_at=None).count(),
        "shared": RolePreset.objects.filter(owner=user, shared=True).count(),
    }
    return render(request, "conversations/account_delete.html", context, status=status)
