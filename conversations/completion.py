"""Runs one completion from reservation to settlement. The only writer of an answer's text and state.

A completion moves `running → complete | stopped | failed | interrupted` by an update guarded on `running`, so exactly
one party wins: the task that runs it, or the reaper when that task's process has died. Whoever wins settles the usage.
The text is committed before anyone is told that it is final.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, repeat
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts import quotas
from accounts.models import UsageRecord

from . import metering, relay
from .endpoint_health import note_traffic
from .errors import CUT_SHORT, AnswerFailed
from .metering import Terms
from .models import ChatModel, Completion, Conversation, Message
from .prices import Prices
from .relay import Answer, Ending, InDatabase
from .tokens import estimate_tokens
from .upstream.client import stream_chat
from .upstream.deltas import TokenUsage
from .upstream.requests import ChatCall, EndpointAddress

logger = logging.getLogger(__name__)

DEAD_AFTER = timedelta(seconds=15)
TITLE_TAKES = timedelta(seconds=60)  # at most; then the conversation keeps the one it has
MOST_TEXT = 4_000_000  # code points of one completion: about a million tokens, more than any model is asked for
FINISH_PAUSES = (0.2, 0.5, 1, 3)  # seconds between attempts to write the end; the last goes on
ENDPOINT_FAILURES = {"upstream_auth", "upstream_error", "upstream_unreachable", "timeout_first"}

Status = Completion.Status


@dataclass(frozen=True)
class Job:
    """Everything a completion needs, so that running it reads nothing from the database.

    title_for: the conversation that gets its title from a model once this answer is complete.
    """

    completion_id: UUID
    message_id: UUID
    chat_model_id: int
    model_name: str
    address: EndpointAddress
    call: ChatCall
    terms: Terms
    started_at: datetime
    text: str = ""
    reasoning: str = ""
    title_for: UUID | None = None


@dataclass
class Run:
    """One running completion in this process."""

    job: Job
    answer: Answer
    pump: asyncio.Task[None] | None = None
    told_to_end: Ending | None = None
    usage: TokenUsage | None = None
    finish_reason: str = ""
    first_delta_at: datetime | None = None
    dropped_parameters: list[str] = field(default_factory=list)
    saved_length: int = -1
    over: bool = False
    process_ends: bool = False
    _thinking_since: datetime | None = field(default=None)

    def end(self, ending: Ending) -> None:
        """Stop it (now or, if it has not begun, when it begins). On the engine's loop. The first caller wins."""
        if self.told_to_end is None:
            self.told_to_end = ending
            if self.pump is not None:
                self.pump.cancel()

    async def run(self, in_database: InDatabase) -> Ending:
        """Stream the answer and write its end; never raises for what the endpoint or the user does.

        The stream is a task of its own, so that cancelling it cannot hit the writing of its end.
        """
        ending = self.told_to_end
        if ending is None:
            self.pump = asyncio.get_running_loop().create_task(self._pump())
            await asyncio.wait((self.pump,))
            ending = self._ending(self.pump)
            self._note_traffic(ending)
        ending = await self._write_end(ending, in_database)
        self.over = True
        self.answer.end(ending)
        return ending

    async def _pump(self) -> None:
        received = 0
        async with aclosing(stream_chat(self.job.address, self.job.call)) as deltas:
            async for delta in deltas:
                if delta.dropped_parameter:
                    self.dropped_parameters.append(delta.dropped_parameter)
                if delta.usage is not None:
                    self.usage = delta.usage
                if delta.finish_reason:
                    self.finish_reason = delta.finish_reason
                if delta.text or delta.reasoning:
                    self._time(delta.text, delta.reasoning)
                    self.answer.append(delta.text, delta.reasoning)
                    received += len(delta.text) + len(delta.reasoning)
                    if received > MOST_TEXT:
                        raise AnswerFailed("upstream_malformed", "an answer without an end")

    def _time(self, text: str, reasoning: str) -> None:
        if self.first_delta_at is None:
            self.first_delta_at = timezone.now()
        if reasoning and self._thinking_since is None:
            self._thinking_since = timezone.now()
        if text and self._thinking_since and self.answer.reasoning_seconds is None:
            thought = timezone.now() - self._thinking_since
            self.answer.reasoning_seconds = thought.total_seconds()

    def _ending(self, pump: asyncio.Task[None]) -> Ending:
        if pump.cancelled():
            return self.told_to_end or Ending(Status.INTERRUPTED, "interrupted")
        error = pump.exception()
        if error is None:
            if self.finish_reason in CUT_SHORT:
                return Ending(Status.COMPLETE, self.finish_reason)
            empty = not self.answer.text and not self.job.text
            return Ending(Status.COMPLETE, "empty_answer" if empty else "")
        if isinstance(error, AnswerFailed):
            logger.warning("Completion %s failed: %s", self.job.completion_id, error)
            return Ending(Status.FAILED, error.code)
        logger.error("Completion %s broke", self.job.completion_id, exc_info=error)
        return Ending(Status.FAILED, "internal_error")

    def _note_traffic(self, ending: Ending) -> None:
        if ending.status == Status.COMPLETE:
            note_traffic(self.job.address.base_url, well=True)
        elif ending.code in ENDPOINT_FAILURES:
            note_traffic(self.job.address.base_url, well=False)

    async def _write_end(self, ending: Ending, in_database: InDatabase) -> Ending:
        """Try for as long as it takes: the text after the last checkpoint is nowhere but here."""
        for pause in chain(FINISH_PAUSES, repeat(FINISH_PAUSES[-1])):
            try:
                won: Ending = await in_database(finish, self, ending)
                return won
            except Exception:
                logger.exception("The end of completion %s was not written", self.job.completion_id)
            if self.process_ends:
                break
            await asyncio.sleep(pause)
        # The row still says `running`; a reaper ends it with the text of the last checkpoint.
        return Ending(Status.INTERRUPTED, "interrupted")

    def spent(self, ending: Ending) -> quotas.Spent:
        """What to settle: the endpoint's usage if it is sane, else our counts; nothing if nothing came of it."""
        seconds = None
        if self.first_delta_at is not None:
            seconds = (self.first_delta_at - self.job.started_at).total_seconds()
        elif ending.status != Status.COMPLETE:
            # Stopped before the first word: a request was made, no tokens. Anything else: everything is refunded.
            return quotas.Spent(requests=1 if ending.status == Status.STOPPED else 0)
        return metering.spent(
            self.job.terms,
            self.usage,
            counted=self._counted(),
            is_empty=not self.answer.text[len(self.job.text) :],
            seconds=seconds,
        )

    def _counted(self) -> int:
        new = self.answer.text[len(self.job.text) :]
        thoughts = self.answer.reasoning[len(self.job.reasoning) :]
        return estimate_tokens(new) + estimate_tokens(thoughts)


def finish(run: Run, ending: Ending) -> Ending:
    """Write the final text, state and usage in one transaction; returns how the completion really ended.

    Somebody else may have ended it first (the reaper, while this process was stuck): then nothing is written.
    """
    job, now = run.job, timezone.now()
    spent = run.spent(ending)
    with transaction.atomic():
        won = Completion.objects.filter(pk=job.completion_id, status=Status.RUNNING).update(
            status=ending.status,
            error_code=ending.code,
            ended_at=now,
            heartbeat_at=now,
            first_delta_at=run.first_delta_at,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            tokens_cached=spent.tokens_cached,
        )
        if not won:
            row = Completion.objects.filter(pk=job.completion_id).values_list(
                "status", "error_code"
            )
            return Ending(*(row.first() or (Status.STOPPED, "")))
        Message.objects.filter(pk=job.message_id).update(
            content=run.answer.text,
            reasoning=run.answer.reasoning,
            reasoning_seconds=run.answer.reasoning_seconds,
            status=ending.status,
            error_code=ending.code,
        )
        quotas.settle(
            job.completion_id,
            spent=spent,
            outcome=UsageRecord.Outcome(ending.status),
            model_name=job.model_name,
            now=now,
        )
        if job.title_for is not None and ending.status == Status.COMPLETE:
            # Before anyone is told of the end: the page that is told looks for the title.
            named = Conversation.objects.filter(pk=job.title_for)
            named.update(title_due=now + TITLE_TAKES)
    for name in run.dropped_parameters:
        remember_dropped_parameter(job.chat_model_id, name)
    return ending


def remember_dropped_parameter(chat_model_id: int, name: str) -> None:
    """So that the next call is right at once: another name for the limit, or a parameter left out."""
    with transaction.atomic():
        model = ChatModel.objects.select_for_update().filter(pk=chat_model_id).first()
        if model is None:
            return
        names = ChatModel.MaxTokensParameter
        if name in names.values:
            is_old = name == names.MAX_TOKENS
            model.max_tokens_parameter = names.MAX_COMPLETION_TOKENS if is_old else names.MAX_TOKENS
            model.save(update_fields=["max_tokens_parameter"])
        elif name not in model.dropped_parameters:
            model.dropped_parameters = [*model.dropped_parameters, name]
            model.save(update_fields=["dropped_parameters"])


def checkpoint(runs: list[Run]) -> list[UUID]:
    """Write heartbeat and new text of all of a process's completions in one transaction.

    Returns the completions this process no longer holds: ended elsewhere, or deleted.
    """
    now = timezone.now()
    by_id = {run.job.completion_id: run for run in runs if not run.over}
    with transaction.atomic():
        held = list(
            Completion.objects.select_for_update()
            .filter(pk__in=by_id, status=Status.RUNNING)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        Completion.objects.filter(pk__in=held).update(heartbeat_at=now)
        # The rows above are locked, so no other process can end one of them and be overwritten here.
        grown = [by_id[key] for key in held if by_id[key].saved_length != _size(by_id[key].answer)]
        _save_texts([run.answer for run in grown])
    for run in grown:
        run.saved_length = _size(run.answer)
    return [key for key in by_id if key not in set(held)]


def _size(answer: Answer) -> int:
    return len(answer.text) + len(answer.reasoning)


def _save_texts(answers: list[Answer]) -> None:
    """One prepared statement for all of them: the ORM's bulk update builds a CASE as long as all texts together."""
    if not answers:
        return
    column = Message._meta.pk
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE conversations_message SET content = %s, reasoning = %s WHERE id = %s",
            [
                (
                    answer.text,
                    answer.reasoning,
                    column.get_db_prep_value(answer.message_id, connection),
                )
                for answer in answers
            ],
        )


def stop_requests(keys: list[UUID]) -> list[UUID]:
    """Those of these completions that somebody, perhaps in another process, wants stopped. One query."""
    return list(
        Completion.objects.filter(pk__in=keys, stop_requested=True).values_list("pk", flat=True)
    )


def of_people_shut_out(keys: list[UUID]) -> list[UUID]:
    """Those of these completions whose person has been suspended: nobody is to pay for what they asked. One query."""
    rows = Completion.objects.filter(pk__in=keys, conversation__owner__is_active=False)
    return list(rows.values_list("pk", flat=True))


def reap(now: datetime, alive: Collection[UUID] = ()) -> int:
    """End every completion whose process has died, keeping its text; returns how many. One query if there is none.

    alive: what runs in this process; heartbeats also stop while a database is away or a laptop closed.
    """
    dead = Completion.objects.filter(status=Status.RUNNING, heartbeat_at__lt=now - DEAD_AFTER)
    ended = 0
    for row in dead.select_related("chat_model"):
        if row.pk in alive:
            continue
        ending = Ending(Status.INTERRUPTED, "interrupted")
        if row.stop_requested:
            ending = Ending(Status.STOPPED)
        ended += end_from_outside(row, ending, now=now, unless_alive=True)
    if ended:
        logger.warning("Ended %d completions whose process had died", ended)
    return ended


def end_all_in(conversations: list[UUID], *, now: datetime) -> list[UUID]:
    """Stop and settle what runs in these conversations, which are about to be deleted; returns the completions' ids."""
    rows = Completion.objects.filter(conversation__in=conversations, status=Status.RUNNING)
    ended = []
    # All locked before the first is ended, in the order of checkpoints: an answer that ends by itself meanwhile
    # holds its completion and waits for the person's counters.
    for row in rows.select_related("chat_model").select_for_update(of=("self",)).order_by("pk"):
        if end_from_outside(row, Ending(Status.STOPPED), now=now):
            ended.append(row.pk)
    return ended


def end_from_outside(
    row: Completion, ending: Ending, *, now: datetime, unless_alive: bool = False
) -> bool:
    """End a completion by what the database has of it; true for the one party that did.

    unless_alive: not if its process has given a sign of life in the last 15 s.
    """
    mine = Completion.objects.filter(pk=row.pk, status=Status.RUNNING)
    if unless_alive:
        mine = mine.filter(heartbeat_at__lt=now - DEAD_AFTER)
    with transaction.atomic():
        if not mine.update(status=ending.status, error_code=ending.code, ended_at=now):
            return False
        message = Message.objects.get(pk=row.message_id)
        Message.objects.filter(pk=message.pk).update(status=ending.status, error_code=ending.code)
        quotas.settle(
            row.pk,
            spent=_spent_so_far(row, message, ending),
            outcome=UsageRecord.Outcome(ending.status),
            model_name=row.model_name,
            now=now,
        )
    return True


def _spent_so_far(row: Completion, message: Message, ending: Ending) -> quotas.Spent:
    """By what readers may have seen: this process's own copy of the answer, else the last checkpoint."""
    copy = relay.running.get(row.pk) or message
    new = (copy.text if isinstance(copy, Answer) else copy.content)[row.start_position :]
    thoughts = "" if row.start_position else copy.reasoning  # a continued answer has older ones
    if not new and not thoughts:
        return quotas.Spent(requests=1 if ending.status == Status.STOPPED else 0)
    tokens_in = int(row.prompt.get("tokens", 0))
    tokens_out = estimate_tokens(new) + estimate_tokens(thoughts)
    prices = Prices() if row.chat_model is None else row.chat_model.prices
    money = prices.of(prompt=tokens_in, answer=tokens_out)
    return quotas.Spent(tokens_in=tokens_in, tokens_out=tokens_out, money=money, estimated=True)
