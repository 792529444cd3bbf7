"""The page of a person's API keys: what there is, one more of them, and one less. Below them the ChatAPI pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chatsite.views import see_other

from . import api_keys, audit, passes, quotas
from .audit import Action
from .key_forms import KeyForm
from .models import ApiKey, State, User
from .quotas import Used
from .quotas.words import number
from .views import signed_in_user

AMOUNTS = ("requests", "tokens", "money")
MOST_ENDED = 30  # shown; there may be any number


@dataclass(frozen=True)
class Amount:
    """What was used, and of how much; `limit` is empty where there is none."""

    used: str
    limit: str = ""


@dataclass(frozen=True)
class Spending:
    """A row of the table below a key: requests, tokens and money of one period."""

    period: str
    amounts: tuple[Amount, ...]


@dataclass(frozen=True)
class EndedKey:
    """at: when it was revoked or expired; nobody knows when the others ended."""

    key: ApiKey
    state: State
    at: datetime | None


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """GET lists them; POST makes one and shows its text, here and never again."""
    if request.method != "POST":
        return _page(request, KeyForm())
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _refused(request, form, 400)
    user, now = signed_in_user(request), timezone.now()
    id = form.key_id(user)
    try:
        with transaction.atomic():
            made = api_keys.create_key(user, id=id, now=now, **form.key_fields(now=now))
            if made is not None:
                audit.record(Action.KEY_CREATED, request=request, subject=user, target=made[0].name)
    except api_keys.TooManyKeys:
        made = None
    if made is not None:
        return _page(request, KeyForm(), new_key=made[0], text=made[1])
    made_before = user.api_keys.filter(pk=id).first() if id else None
    if made_before is None:
        text = _("You have %(count)s keys that are valid, which is the most. Revoke one first.")
        form.add_error(None, text % {"count": api_keys.MOST_KEYS})
        return _refused(request, form, 409)
    if form.describes(made_before):
        return _page(request, KeyForm(), made_before=made_before)
    another = form.for_another_key()
    text = _("This form has already made the key “%(name)s”. Create again to make another one.")
    another.add_error(None, text % {"name": made_before.name})
    return _refused(request, another, 409)


def _refused(request: HttpRequest, form: KeyForm, status: int) -> HttpResponse:
    if "form_id" in form.errors:
        form = form.for_another_key()
        form.add_error(None, _("This page was out of date. Look it over and create the key again."))
    form.focus_first_error()
    return _page(request, form, status=status)


def _page(
    request: HttpRequest,
    form: KeyForm,
    *,
    new_key: ApiKey | None = None,
    text: str = "",
    made_before: ApiKey | None = None,
    status: int = 200,
) -> HttpResponse:
    """text: of the new key. made_before: the key that the form, sent again, has made already. Four queries."""
    user, now = signed_in_user(request), timezone.now()
    valid = list(api_keys.valid_keys(user, now=now))
    ended = _ended(user, valid, now)
    site = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    context = {
        "form": form,
        "new_key": new_key,
        "text": text,
        "made_before": made_before,
        "rows": _with_spending(valid, now),
        "ended": ended[:MOST_ENDED],
        "has_older": len(ended) > MOST_ENDED,
        "base_url": f"{site}/v1",
        "chatapi_pass": passes.valid_pass(user, now=now),
    }
    return render(request, "accounts/keys.html", context, status=status)


def _with_spending(keys: Sequence[ApiKey], now: datetime) -> list[tuple[ApiKey, list[Spending]]]:
    used = quotas.used_by_keys(keys, now=now)
    return [(key, _spending(key, *used[key.pk])) for key in keys]


def _spending(key: ApiKey, today: Used, month: Used) -> list[Spending]:
    limits = quotas.limits_of_key(key)
    return [
        Spending(period, tuple(_amount(used, limits, name, kind) for name in AMOUNTS))
        for period, kind, used in ((_("Today"), "day", today), (_("This month"), "month", month))
    ]


def _amount(used: Used, limits: quotas.Limits, name: str, kind: str) -> Amount:
    limit = limits.of(name, kind)
    return Amount(number(getattr(used, name)), "" if limit is None else number(limit))


def _ended(user: User, valid: Sequence[ApiKey], now: datetime) -> list[EndedKey]:
    """The newest of them, and one more than are shown."""
    others = user.api_keys.exclude(pk__in=[key.pk for key in valid])[: MOST_ENDED + 1]
    found = []
    for key in others:
        state = key.state(now)
        at = {State.REVOKED: key.revoked_at, State.EXPIRED: key.expires_at}.get(state)
        found.append(EndedKey(key, state, at))
    return found


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """GET asks; POST does it, at once."""
    key = get_object_or_404(ApiKey, pk=key_id, user=request.user)
    page = see_other(reverse("accounts:settings-keys"))
    if request.method != "POST":
        is_valid = key.state(timezone.now()) == State.VALID
        return render(request, "accounts/key_revoke.html", {"key": key}) if is_valid else page
    user = signed_in_user(request)
    with transaction.atomic():
        if api_keys.revoke_keys([key.pk], of=user, now=timezone.now()):
            audit.record(Action.KEY_REVOKED, request=request, subject=user, target=key.name)
    messages.success(request, _("The key “%(name)s” has been revoked.") % {"name": key.name})
    return page


@require_POST
@login_required
def revoke_pass(request: HttpRequest) -> HttpResponse:
    """Asks nothing: whoever has the password gets another one at once."""
    user = signed_in_user(request)
    with transaction.atomic():
        if passes.revoke_pass(user):
            audit.record(Action.PASS_REVOKED, request=request, subject=user)
            messages.success(request, _("The ChatAPI pass has been revoked."))
    return see_other(reverse("accounts:settings-keys"))
