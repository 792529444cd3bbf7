"""Begins an answer: decides what is sent, then writes its rows, its reservation, and has it started after the commit.

`sending.py` says to what: a new message, an edited one, one whose answer is regenerated or continued.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts import quotas
from accounts.models import ApiKey, User

from . import endpoints, runtime, titles
from .completion import Job
from .metering import Terms
from .models import (
    ChatModel,
    Completion,
    Conversation,
    InstructionVersion,
    Message,
    RolePreset,
    Sampling,
)
from .prompt import CONTINUE, LEAST_ANSWER, Prompt, Turn, build_prompt
from .receipts import written_examples
from .upstream.requests import ChatCall
from .variables import fill, used_in


@dataclass(frozen=True)
class Draft:
    """What was read and decided before anything is written.

    instructions: as they are written; variables: what the first one's stand for. Together they say what was sent.
    partial: the answer that is continued, if one is. api_key: what a program asks with, which pays, too.
    gives_title: the conversation is to get its title from a model afterwards.
    """

    conversation: Conversation
    model: ChatModel
    limits: quotas.Limits
    parameters: dict[str, Any]
    prompt: Prompt
    instructions: tuple[str, ...]
    variables: dict[str, str]
    partial: Message | None = None
    api_key: ApiKey | None = None
    gives_title: bool = False


def draft_answer(
    user: User,
    conversation: Conversation,
    model: ChatModel,
    limits: quotas.Limits,
    turns: Sequence[Turn],
    *,
    api_key: ApiKey | None,
    partial: Message | None = None,
) -> Draft:
    """Decide what is sent to that model, by the conversation's preset. Raises MessageTooLong.

    turns: the branch oldest first, ending with the user's message, or with `partial`.
    """
    preset = conversation.preset
    parameters = {**(preset.parameters() if preset else {}), **conversation.parameters()}
    wanted = min(
        int(parameters.get("max_tokens") or model.max_output_tokens), model.max_output_tokens
    )
    role = preset.instruction if preset else ""
    variables = used_in(role, conversation.preset_variables)
    instructions = tuple(text for text in (role, user.custom_instructions) if text)
    prompt = build_prompt(
        instructions=(fill(role, variables), user.custom_instructions),
        examples=_examples(preset),
        turns=turns,
        context_window=model.context_window,
        answer_tokens=wanted,
        continues=partial is not None,
    )
    return Draft(
        conversation=conversation,
        model=model,
        limits=limits,
        parameters=parameters,
        prompt=prompt,
        instructions=instructions,
        variables=variables,
        partial=partial,
        api_key=api_key,
    )


def _examples(preset: RolePreset | None) -> list[Turn]:
    turns = preset.few_shot_turns if preset else []
    return [Turn(str(turn["role"]), str(turn["content"])) for turn in turns or []]


@dataclass(frozen=True)
class Begun:
    """An answer that has been begun."""

    answer_id: UUID
    completion_id: UUID
    model_name: str


def start_answer(
    user: User,
    draft: Draft,
    *,
    parent: Message | None,
    comparison: UUID | None = None,
    now: datetime,
) -> Begun:
    """The answer's message (new, or the partial one), its completion, the reservation, and the start after commit."""
    conversation, model, prompt = draft.conversation, draft.model, draft.prompt
    completion_id = uuid4()
    granted = quotas.reserve(
        user,
        key=completion_id,
        limits=draft.limits,
        tokens=prompt.tokens + prompt.answer_tokens,
        least_tokens=prompt.tokens + min(LEAST_ANSWER, prompt.answer_tokens),
        money=model.prices.of(prompt=prompt.tokens, answer=prompt.answer_tokens),
        api_key=draft.api_key,
        now=now,
    )
    answer = draft.partial
    if answer is None:
        answer = Message.objects.create(
            conversation=conversation,
            owner=user,
            parent=parent,
            role=Message.Role.ASSISTANT,
            status=Message.Status.RUNNING,
            comparison=comparison,
            created_at=timezone.now(),
        )
    call = _call(draft, max_tokens=granted - prompt.tokens)
    Completion.objects.create(
        id=completion_id,
        message=answer,
        conversation=conversation,
        chat_model=model,
        model_name=model.name,
        parameters={**call.parameters, "max_tokens": call.max_tokens},
        start_position=len(answer.content),
        process=runtime.process_name(),
        heartbeat_at=now,
        started_at=now,
        prompt=_record(draft),
    )
    job = _job(draft, call, completion_id, answer, now)
    then = partial(titles.make, job, conversation.pk) if draft.gives_title else None
    transaction.on_commit(lambda: runtime.start(job, then))
    return Begun(answer.pk, completion_id, model.name)


def show_answer(draft: Draft, begun: Begun, *, now: datetime) -> None:
    """Make this answer the end of what the conversation shows, and what was chosen for it the choice for the next."""
    conversation = draft.conversation
    Conversation.objects.filter(pk=conversation.pk).update(
        current_leaf=begun.answer_id,
        active_at=now,
        preset=conversation.preset,
        preset_variables=conversation.preset_variables,
        model=draft.model,
        **{name: getattr(conversation, name) for name in Sampling.NAMES},
    )


def _job(draft: Draft, call: ChatCall, completion_id: UUID, answer: Message, now: datetime) -> Job:
    model = draft.model
    return Job(
        completion_id=completion_id,
        message_id=answer.pk,
        chat_model_id=model.pk,
        model_name=model.name,
        address=endpoints.address_of(model.endpoint),
        call=call,
        terms=Terms(draft.prompt.tokens, call.max_tokens, model.context_window, model.prices),
        started_at=now,
        text=answer.content,
        reasoning=answer.reasoning,
        title_for=draft.conversation.pk if draft.gives_title else None,
    )


def _call(draft: Draft, *, max_tokens: int) -> ChatCall:
    refused = set(draft.model.dropped_parameters or [])
    return ChatCall(
        model=draft.model.name,
        messages=draft.prompt.messages,
        max_tokens=max_tokens,
        max_tokens_parameter=draft.model.max_tokens_parameter,
        parameters={
            name: value
            for name, value in draft.parameters.items()
            if name != "max_tokens" and name not in refused
        },
    )


def _record(draft: Draft) -> dict[str, Any]:
    """What was sent, without a copy of it: the branch between two messages never changes. `receipts.py` reads it."""
    kept = draft.prompt.kept
    record: dict[str, Any] = {
        "instructions": [
            instruction_version(text, _whose(draft, text)) for text in draft.instructions
        ],
        "first": str(kept[0].id) if kept else "",
        "last": str(kept[-1].id) if kept else "",
        "left_out": draft.prompt.left_out,
        "tokens": draft.prompt.tokens,
    }
    preset = draft.conversation.preset
    if preset and (examples := _examples(preset)):
        owner = _whose(draft, preset.instruction)
        record["few_shot"] = instruction_version(written_examples(examples), owner)
    if draft.variables:
        record["variables"] = draft.variables
    if draft.partial is not None:
        record["partial"] = len(draft.partial.content)
        record["continue"] = instruction_version(CONTINUE, None)
    return record


def _whose(draft: Draft, text: str) -> User | None:
    """With whose account an instruction goes: the asker's, if it is not of one of the site's role presets."""
    preset = draft.conversation.preset
    is_of_the_site = preset is not None and preset.owner_id is None
    if is_of_the_site and preset is not None and text == preset.instruction:
        return None
    return draft.conversation.owner


def instruction_version(text: str, owner: User | None) -> int:
    """The id of the immutable row with this text. One query for a text that was used before."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    row, _created = InstructionVersion.objects.get_or_create(
        owner=owner, digest=digest, defaults={"text": text}
    )
    return row.pk
