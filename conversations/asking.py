"""One question that belongs to no conversation: asked, its answer collected whole, settled. Nothing of it is kept.

The call is a task of the engine's, so it is settled whatever becomes of whoever asked.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.callers import Caller
from accounts.models import UsageRecord

from . import calls, catalogue, endpoints, runtime
from .calls import Call, Result
from .completion import ENDPOINT_FAILURES, MOST_TEXT, remember_dropped_parameter
from .endpoint_health import note_traffic
from .errors import AnswerFailed
from .models import ChatModel
from .prompt import Turn, build_prompt
from .tokens import estimate_tokens
from .upstream.client import stream_chat
from .upstream.deltas import Delta, TokenUsage
from .upstream.requests import ChatCall, EndpointAddress

logger = logging.getLogger(__name__)

Outcome = UsageRecord.Outcome


def begin(caller: Caller, text: str, *, now: datetime) -> Question:
    """Set aside what one user's message, and nothing else, may cost. Sync; `calls.begun` for a view.

    Raises a ConversationError if there is no model or the text is too long for it, or QuotaExceeded.
    """
    limits, preferred = caller.limits, caller.user.default_model
    model = catalogue.choose_model("", limits=limits, preferred=preferred)
    return begin_with(caller, model, text, answer_tokens=model.max_output_tokens, now=now)


def begin_with(
    caller: Caller,
    model: ChatModel,
    text: str,
    *,
    instruction: str = "",
    answer_tokens: int,
    service: UsageRecord.Service = UsageRecord.Service.CHAT,
    id: UUID | None = None,
    now: datetime,
) -> Question:
    """The same of a model that has been chosen. id: of the call, under which it is settled."""
    prompt = build_prompt(
        instructions=(instruction,) if instruction else (),
        examples=(),
        turns=[Turn("user", text)],
        context_window=model.context_window,
        answer_tokens=min(answer_tokens, model.max_output_tokens),
    )
    address = endpoints.address_of(model.endpoint)
    call = calls.begin(
        caller,
        model,
        prompt_tokens=prompt.tokens,
        answer_tokens=prompt.answer_tokens,
        service=service,
        counts_only_complete=True,
        id=id,
        now=now,
    )
    chat = ChatCall(
        model=model.name,
        messages=prompt.messages,
        max_tokens=call.answer_tokens,
        max_tokens_parameter=model.max_tokens_parameter,
    )
    return Question(call, model, address, chat)


class Question:
    """One call that may be made now."""

    def __init__(
        self, call: Call, model: ChatModel, address: EndpointAddress, chat: ChatCall
    ) -> None:
        self.call = call
        self.model = model
        self.address = address
        self.chat = chat
        self.has_been_left = False
        self.collecting: asyncio.Task[None] | None = None
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.usage: TokenUsage | None = None
        self.first_at: datetime | None = None

    async def answer(self) -> str:
        """The whole answer, once it is settled. From any loop; who is cancelled here ends the call.

        Raises AnswerFailed; `call.why_cut` has the reason if it was ended from outside.
        """
        running = runtime.spawn(self._run())
        try:
            return await asyncio.shield(asyncio.wrap_future(running))
        except asyncio.CancelledError:
            runtime.engine().call(self._leave)
            raise

    # --- on the engine's loop ----------------------------------------------------------------------------------------

    def _leave(self) -> None:
        self.has_been_left = True
        self._stop()

    def _stop(self) -> None:
        if self.collecting is not None:
            self.collecting.cancel()

    async def _run(self) -> str:
        failure = await self._try()
        if self.has_been_left:
            outcome = Outcome.STOPPED
        elif failure is None:
            outcome = Outcome.COMPLETE
        else:
            outcome = Outcome.INTERRUPTED if self.call.why_cut else Outcome.FAILED
        if outcome in {Outcome.COMPLETE, Outcome.FAILED}:
            self._note(failure)
        await asyncio.wrap_future(calls.end(self.call, self._result(outcome)))
        if failure is not None:
            raise failure
        return "".join(self.texts)

    async def _try(self) -> BaseException | None:
        """Collect the answer in a task of its own, so that stopping it cannot hit the settling."""
        self.call.on_cut = self._stop
        if not self.has_been_left and not self.call.why_cut:
            self.collecting = asyncio.get_running_loop().create_task(self._collect())
            await asyncio.wait((self.collecting,))
            if not self.collecting.cancelled():
                return self.collecting.exception()
        return AnswerFailed("interrupted")

    async def _collect(self) -> None:
        received = 0
        async with aclosing(stream_chat(self.address, self.chat)) as deltas:
            async for delta in deltas:
                self._take(delta)
                received += len(delta.text) + len(delta.reasoning)
                if received > MOST_TEXT:
                    raise AnswerFailed("upstream_malformed", "an answer without an end")

    def _take(self, delta: Delta) -> None:
        if delta.dropped_parameter:
            name, model_id = delta.dropped_parameter, self.model.pk
            runtime.engine().task(runtime.in_database(remember_dropped_parameter, model_id, name))
        if delta.usage is not None:
            self.usage = delta.usage
        if self.first_at is None and (delta.text or delta.reasoning):
            self.first_at = timezone.now()
        self.texts.append(delta.text)
        self.thoughts.append(delta.reasoning)

    def _result(self, outcome: UsageRecord.Outcome) -> Result:
        text = "".join(self.texts)
        return Result(
            outcome=outcome,
            usage=self.usage,
            counted=estimate_tokens(text) + estimate_tokens("".join(self.thoughts)),
            is_empty=not text,
            first_at=self.first_at,
        )

    def _note(self, failure: BaseException | None) -> None:
        if failure is None:
            note_traffic(self.address.base_url, well=True)
        elif not isinstance(failure, AnswerFailed):
            logger.error("Call %s broke", self.call.id, exc_info=failure)
        else:
            logger.warning("Call %s failed: %s", self.call.id, failure)
            if failure.code in ENDPOINT_FAILURES:
                note_traffic(self.address.base_url, well=False)
