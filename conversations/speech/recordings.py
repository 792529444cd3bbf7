"""The sound of one sentence of an answer: made once, whoever asks for it at the same time, and kept for a while.

Whoever is to make it writes a row without sound first; everybody else waits for that row to be filled or to go. An
answer that is read aloud is one request, however many sentences it has: until the one that counts has been made, and
so paid for, no other is begun.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.callers import Caller

from .. import runtime
from ..errors import AnswerFailed, JustDeleted
from ..models import ChatModel, Message, SpokenPart
from ..writing import writing
from .asking import Recording, speak

MOST_SECONDS = 45.0  # to speak one sentence, whatever the endpoint's own limits are
LEFT_BEHIND = timedelta(seconds=2 * MOST_SECONDS)  # by a process that died while it was spoken
LOOK_SECONDS = 0.2  # between looks at what another request makes
MOST_BYTES = 8 << 20  # of what is kept of one sentence


@dataclass(frozen=True)
class Wanted:
    """Which sentence of which answer, spoken by whom."""

    message_id: UUID
    index: int
    text: str
    model: ChatModel
    voice: str = ""

    @property
    def row(self) -> dict[str, object]:
        return {
            "message_id": self.message_id,
            "index": self.index,
            "digest": hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest(),
            "voice": self.voice,
            "model_name": self.model.name,
        }


@dataclass(frozen=True)
class Claim:
    """The row that is to be filled. is_request: this call counts as the answer's request."""

    id: int
    is_request: bool


async def recording_of(caller: Caller, wanted: Wanted) -> Recording:
    """Kept, or made now, or waited for while somebody else makes it.

    Raises SpeechUnavailable, AnswerFailed, QuotaExceeded, Unavailable, or JustDeleted if the answer has gone.
    """
    deadline = asyncio.get_running_loop().time() + MOST_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        found = await sync_to_async(find_or_claim)(wanted, now=timezone.now())
        if isinstance(found, Recording):
            return found
        if found is not None:
            return await _make(caller, wanted, found)
        await asyncio.sleep(LOOK_SECONDS)
    raise AnswerFailed("timeout_first", "another request is still making it")


async def _make(caller: Caller, wanted: Wanted, claim: Claim) -> Recording:
    try:
        async with asyncio.timeout(MOST_SECONDS):
            recording = await speak(
                caller, wanted.model, wanted.text, voice=wanted.voice, is_first=claim.is_request
            )
        await sync_to_async(_keep)(claim, recording)
    except TimeoutError:
        _let_go(claim)
        raise AnswerFailed("timeout_total", "one sentence") from None
    except BaseException:
        _let_go(claim)
        raise
    return recording


def find_or_claim(wanted: Wanted, *, now: datetime) -> Recording | Claim | None:
    """None while another request makes it, or the one that counts. One query if it is kept, at most seven if not."""
    found = SpokenPart.objects.filter(**wanted.row).first()
    if found is not None and found.content_type:
        return Recording(bytes(found.sound), found.content_type)
    of_answer = SpokenPart.objects.filter(message_id=wanted.message_id)
    unfinished = of_answer.filter(content_type="")
    awaited = unfinished.filter(Q(**wanted.row) | Q(is_request=True))
    if awaited.filter(begun_at__gt=now - LEFT_BEHIND).exists():
        return None
    with writing():
        # Held until the row is there: nobody else begins with the same answer, or counts it as a request again.
        if not Message.objects.select_for_update().filter(pk=wanted.message_id).exists():
            raise JustDeleted
        unfinished.filter(begun_at__lte=now - LEFT_BEHIND).delete()
        if awaited.exists() or of_answer.filter(**wanted.row).exists():
            return None
        is_request = not of_answer.filter(is_request=True).exists()
        made = SpokenPart.objects.create(**wanted.row, is_request=is_request, begun_at=now)
    return Claim(made.pk, is_request)


def _keep(claim: Claim, recording: Recording) -> None:
    row = SpokenPart.objects.filter(pk=claim.id)
    if len(recording.content) > MOST_BYTES:
        row.delete()
    else:
        row.update(sound=recording.content, content_type=recording.content_type)


def _let_go(claim: Claim) -> None:
    """Soon and whatever becomes of the request: the next one makes it, and counts if this one would have."""
    runtime.spawn(runtime.in_database(_forget, claim))


def _forget(claim: Claim) -> None:
    with transaction.atomic():
        SpokenPart.objects.filter(pk=claim.id, content_type="").delete()
