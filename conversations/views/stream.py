"""The event stream of a completion. An open stream costs no thread and no database connection."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db.models import Exists
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from accounts.models import User
from chatsite.views import error_json

from .. import access, events, relay, runtime, sse
from ..errors import sentence
from ..models import Completion
from ..relay import Answer, Ending
from .replies import RETRY_SOON, language, owner, signed_in

logger = logging.getLogger(__name__)

PING_SECONDS = 15.0
MOST_OPEN = 200  # of one person in one process: each holds a connection that somebody else may need
# With the five seconds a silent reader waits: a suspended user's streams end within ten.
RECHECK_SECONDS = 5.0

open_streams: Counter[int] = Counter()  # by the person who reads


class EventStream(StreamingHttpResponse):
    """Hands the server our own generator: Django's wrapper would leave it open until garbage collection."""

    def __init__(self, generator: AsyncGenerator[bytes, None]) -> None:
        super().__init__((), content_type="text/event-stream; charset=utf-8")
        self.is_async = True
        self.generator = generator
        self.headers["Cache-Control"] = "no-cache, no-transform"
        self.headers["X-Accel-Buffering"] = "no"

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.generator

    def __iter__(self) -> Iterator[bytes]:
        """For a server without a loop (runserver, the test client): each step runs on the engine's."""
        try:
            while part := runtime.spawn(self._step()).result():
                yield part
        finally:
            runtime.spawn(self.generator.aclose()).result()

    async def _step(self) -> bytes:
        return await anext(self.generator, b"")


@require_safe
@signed_in
def completion(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    return JsonResponse(standing(access.get_completion(owner(request), completion_id)))


def standing(row: Completion) -> dict[str, Any]:
    """Where a completion stands: the database's last checkpoint, or what this process knows better."""
    answer = relay.running.get(row.pk)
    text = answer.text if answer else row.message.content
    return {"status": row.status, "code": row.error_code, "text": text, "position": len(text)}


@dataclass(frozen=True)
class Reader:
    """Who reads. may_read: asked every few seconds, in a thread; whatever ends a session or key ends its streams."""

    user: User
    may_read: Callable[[], bool]


def _opening(request: HttpRequest, completion_id: UUID) -> tuple[Reader, Completion] | None:
    """Who asks for which completion; None if nobody is signed in. Raises Http404. Runs in a thread, once."""
    if not request.user.is_authenticated:
        return None
    user = owner(request)
    reader = Reader(user, partial(is_signed_in, user, request.session.session_key or ""))
    return reader, access.get_completion(user, completion_id)


@require_GET
async def completion_events(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    """The answer from a position on, live if it still runs; HTML blocks, or text with `?format=text`."""
    opened = await sync_to_async(_opening)(request, completion_id)
    if opened is None:
        return error_json(401, "not_signed_in", _("Sign in first."))
    reader, row = opened
    html = request.GET.get("format") != "text"
    return stream_to(reader, row, after=_position(request), html=html)


def _position(request: HttpRequest) -> int:
    """`Last-Event-ID` of a reconnecting browser, else `?after=`; anything else is the beginning."""
    sent = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else 0


def stream_to(reader: Reader, row: Completion, *, after: int, html: bool) -> HttpResponseBase:
    """The answer's events from a position on, in the language that is active; or 429."""
    if open_streams[reader.user.pk] >= MOST_OPEN:
        refused = error_json(
            429, "too_many_streams", _("You read too many answers at once. Close some.")
        )
        refused["Retry-After"] = str(RETRY_SOON)
        return refused
    return EventStream(_stream(reader, row, after=after, html=html, language=language()))


async def _stream(
    reader: Reader, row: Completion, *, after: int, html: bool, language: str
) -> AsyncGenerator[bytes, None]:
    def describe(ending: Ending) -> events.End:
        with translation.override(language):
            return events.End(
                ending.status, str(row.message_id), ending.code, sentence(ending.code)
            )

    sent_at = checked_at = time.monotonic()
    with _counted(reader.user), answer_of(row) as answer:
        yield sse.HELLO
        async with aclosing(relay.read(answer, after, html=html, describe=describe)) as slices:
            async for part in slices:
                now = time.monotonic()
                if now - checked_at >= RECHECK_SECONDS:
                    checked_at = now
                    if _goes_on_elsewhere(row) or not await runtime.in_database(reader.may_read):
                        return
                if part:
                    yield b"".join(sse.encode(event, position) for event, position in part)
                    sent_at = now
                elif now - sent_at >= PING_SECONDS:
                    yield sse.PING
                    sent_at = now


@contextmanager
def _counted(user: User) -> Iterator[None]:
    open_streams[user.pk] += 1
    try:
        yield
    finally:
        open_streams[user.pk] -= 1
        if not open_streams[user.pk]:
            del open_streams[user.pk]


def answer_of(row: Completion) -> AbstractContextManager[Answer]:
    """The shared one of this process, a copy that follows another process, or the finished one."""
    answer = relay.running.get(row.pk)
    if answer is not None:
        return nullcontext(answer)
    if row.status == Completion.Status.RUNNING:
        return runtime.engine().follower.follow(row)
    ended = Answer(row.pk, row.message_id, row.message.content, row.message.reasoning)
    ended.end(Ending(row.status, row.error_code))
    return nullcontext(ended)


def _goes_on_elsewhere(row: Completion) -> bool:
    """This process is ending and the answer is another's: the reader finds it again through the next connection."""
    return runtime.is_closing() and row.pk not in relay.running


def is_signed_in(user: User, session_key: str) -> bool:
    """The user, as they were when they asked, is active, and nothing has ended this session or all. One query."""
    session = Session.objects.filter(session_key=session_key)
    return User.objects.filter(
        Exists(session),
        pk=user.pk,
        is_active=True,
        auth_epoch=user.auth_epoch,
        password=user.password,
    ).exists()
