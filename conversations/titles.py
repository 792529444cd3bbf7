"""Titles that a model makes, for whoever wants them: one small call after a conversation's first answer, which is paid
and booked like any other. Whatever goes wrong, the title stays what it is.
"""

from __future__ import annotations

import asyncio
import logging
import re
from uuid import UUID, uuid5

from django.db.models import QuerySet
from django.utils import timezone

from accounts import quotas
from accounts.callers import Caller
from accounts.models import UsageRecord

from . import asking, catalogue, runtime
from .asking import Question
from .completion import TITLE_TAKES, Job
from .content import title_of
from .errors import AnswerFailed, ConversationError
from .models import Conversation, Message
from .names import one_line

logger = logging.getLogger(__name__)

MOST_SENT = 2000  # characters of the question, and of the answer
MOST_TOKENS = 1024  # of the reply: some models think before
INSTRUCTION = (
    "Write a title for the conversation below, in its language, of at most six words. "
    "Reply with the title alone, without quotation marks."
)
LABEL = re.compile(r"^(?:title|标题)\s*[:：]\s*", re.IGNORECASE)
AROUND = " \t#*_`\"'“”‘’«»„「」『』《》"


def call_id(completion_id: UUID) -> UUID:
    """Of the call for the title of the conversation that this answer began; the ledger knows it by that."""
    return uuid5(completion_id, "title")


def cleaned(reply: str) -> str:
    """The first line of it that says something, as a title; empty if there is none."""
    said = reply.rpartition("</think>")[2]
    lines = (LABEL.sub("", one_line(line).strip(AROUND)).strip(AROUND) for line in said.split("\n"))
    line = next(filter(None, lines), "")
    return title_of(line) if line else ""


async def make(job: Job, conversation_id: UUID) -> None:
    """After the answer of that job, which began the conversation; on the engine's loop."""
    title = ""
    try:
        question = await runtime.in_database(_begin, job, conversation_id)
        if question is not None:
            async with asyncio.timeout(TITLE_TAKES.total_seconds()):
                title = cleaned(await question.answer())
    except (ConversationError, quotas.QuotaExceeded, AnswerFailed, TimeoutError) as problem:
        code = getattr(problem, "code", "timeout")
        logger.warning("Conversation %s keeps its first title: %s", conversation_id, code)
    finally:
        await runtime.in_database(_keep, conversation_id, title)


def _begin(job: Job, conversation_id: UUID) -> Question | None:
    """None where a title is not wanted any more."""
    conversation = _unnamed(conversation_id).select_related("owner").first()
    answer = Message.objects.filter(pk=job.message_id).select_related("parent").first()
    model = catalogue.on_offer().select_related("endpoint").filter(pk=job.chat_model_id).first()
    if conversation is None or answer is None or answer.parent is None or model is None:
        return None
    owner = conversation.owner
    caller = Caller(owner, quotas.limits_of(owner))
    if not (owner.is_active and owner.model_titles and caller.limits.allows(model.name)):
        return None
    return asking.begin_with(
        caller,
        model,
        f"{answer.parent.content[:MOST_SENT]}\n\n{answer.content[:MOST_SENT]}",
        instruction=INSTRUCTION,
        answer_tokens=MOST_TOKENS,
        service=UsageRecord.Service.TITLES,
        id=call_id(job.completion_id),
        now=timezone.now(),
    )


def _unnamed(conversation_id: UUID) -> QuerySet[Conversation]:
    """That conversation, unless its person has named or deleted it."""
    rows = Conversation.objects.filter(titled_by_person=False, deleted_at=None)
    return rows.filter(pk=conversation_id)


def _keep(conversation_id: UUID, title: str) -> None:
    if title:
        _unnamed(conversation_id).update(title=title)
    Conversation.objects.filter(pk=conversation_id).update(title_due=None)
