"""The page about a person's own data: all of it as one file, and how long it is kept."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from functools import partial
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, services
from accounts.models import User
from chatsite.views import error_page, see_other

from .. import expiry
from ..models import Conversation
from ..retention_forms import RetentionForm
from ..transfer.archive import archive_of
from .replies import owner, signed_in
from .stream import RECHECK_SECONDS, is_signed_in

LEASE_SECONDS = 60  # after its last sign of life a download counts as broken off


@never_cache
@require_safe
@signed_in
def data(request: HttpRequest) -> HttpResponseBase:
    return _page(request, RetentionForm.of(owner(request)))


def _page(request: HttpRequest, form: RetentionForm, *, status: int = 200) -> HttpResponseBase:
    user, now = owner(request), timezone.now()
    context = {
        "form": form,
        "count": Conversation.objects.filter(owner=user, deleted_at=None).count(),
        "preview": expiry.preview(user, now=now),
        "site_days": settings.RETENTION_DAYS,
    }
    return render(request, "conversations/data.html", context, status=status)


@never_cache
@require_POST
@signed_in
def retention(request: HttpRequest) -> HttpResponseBase:
    """Asks once more where something would be deleted as soon as the choice is in force."""
    user, now = owner(request), timezone.now()
    form = RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    days = form.chosen_days
    if days is not None and days != user.retention_days:
        count = expiry.count_unused(user, days=days, now=now)
        if count and request.POST.get("confirmed") != str(days):
            context = {"days": days, "count": count, "goes_at": now + expiry.GRACE, "form": form}
            return render(request, "conversations/retention_confirm.html", context)
    services.keep_conversations_for(user, days=days, now=now)
    messages.success(request, _("Saved."))
    return see_other(reverse("conversations:data"))


@never_cache
@require_POST
@signed_in
def download(request: HttpRequest) -> HttpResponseBase:
    """Everything of the person's. One at a time: it reads all that there is."""
    user, now = owner(request), timezone.now()
    lease = Lease(user)
    if not lease.take():
        refused = error_page(
            request,
            429,
            "download_running",
            _("A download is already running"),
            _("Wait until it is complete. If it has broken off, try again in a minute."),
        )
        refused["Retry-After"] = str(LEASE_SECONDS)
        return refused
    audit.record(audit.Action.EXPORTED, request=request, subject=user)
    may_read = partial(is_signed_in, user, request.session.session_key or "")
    response = Download(_guarded(archive_of(user, now=now), lease, may_read))
    response["Content-Type"] = "application/zip"
    name = f"chatsite-{timezone.localdate(now):%Y-%m-%d}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class Lease:
    """That a person's download is running, in whichever process; it ends by itself when nothing is heard of it."""

    def __init__(self, user: User) -> None:
        self.key = f"download:{user.pk}"
        self.holder = uuid4().hex

    def take(self) -> bool:
        return bool(cache.add(self.key, self.holder, LEASE_SECONDS))

    def renew(self) -> None:
        cache.touch(self.key, LEASE_SECONDS)

    def give_back(self) -> None:
        if cache.get(self.key) == self.holder:
            cache.delete(self.key)


def _guarded(
    parts: Iterator[bytes], lease: Lease, may_read: Callable[[], bool]
) -> Generator[bytes, None, None]:
    """The parts for as long as the person is signed in: whatever ends a session ends its download."""
    checked_at = time.monotonic()
    try:
        for part in parts:
            if time.monotonic() - checked_at >= RECHECK_SECONDS:
                checked_at = time.monotonic()
                lease.renew()
                if not may_read():
                    return
            yield part
    finally:
        lease.give_back()


class Download(StreamingHttpResponse):
    """Made step by step in a thread while it is read: Django would collect all of it before the first byte."""

    def __init__(self, parts: Generator[bytes, None, None]) -> None:
        super().__init__(parts)
        self.parts = parts

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._in_steps()

    async def _in_steps(self) -> AsyncGenerator[bytes, None]:
        try:
            while (part := await sync_to_async(self._step)()) is not None:
                if part:
                    yield part
        finally:
            await sync_to_async(self.parts.close)()

    def _step(self) -> bytes | None:
        return next(self.parts, None)
