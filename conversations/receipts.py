"""What an answer cost and what exactly was sent for it: put together again from what each completion recorded.

No prompt is stored. Instructions are immutable versions, and the branch between two messages never changes: a message
that others follow cannot grow any more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import UsageRecord

from . import selectors, titles
from .models import Completion, InstructionVersion, Message
from .prompt import Turn, joined
from .variables import fill


@dataclass(frozen=True)
class Sent:
    """The messages of one call, `{role, content}` as the endpoint got them. left_out: older ones that did not fit."""

    messages: tuple[dict[str, str], ...]
    left_out: int


@dataclass(frozen=True)
class Receipt:
    """One completion. Seconds from the request; money in the prices' currency; None where it is not known (yet).

    estimated: the endpoint gave no count that can be true. tokens_a_second: after the first word, if that took a while.
    sent: None where what was sent cannot be put together any more.
    """

    completion_id: UUID
    model_name: str
    status: str
    started_at: datetime
    parameters: dict[str, Any]
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    estimated: bool
    money: Decimal | None
    seconds_to_first_token: float | None
    seconds: float | None
    tokens_a_second: float | None
    sent: Sent | None


def receipts_of(message: Message) -> list[Receipt]:
    """Of an answer: one for each completion, oldest first; more than one where it was continued."""
    completions = list(message.completions.order_by("started_at"))
    records = {
        record.completion_id: record
        for record in UsageRecord.objects.filter(completion_id__in=[one.pk for one in completions])
    }
    return [_receipt(one, records.get(one.pk)) for one in completions]


def title_call_of(message: Message) -> UsageRecord | None:
    """The call for the title of the conversation, if this answer was followed by one."""
    calls = [titles.call_id(key) for key in message.completions.values_list("pk", flat=True)]
    return UsageRecord.objects.filter(completion_id__in=calls).first()


def _receipt(completion: Completion, record: UsageRecord | None) -> Receipt:
    first, end = completion.first_delta_at, completion.ended_at
    writing = (end - first).total_seconds() if first and end else 0.0
    return Receipt(
        completion_id=completion.pk,
        model_name=completion.model_name,
        status=completion.status,
        started_at=completion.started_at,
        parameters=completion.parameters,
        tokens_in=record.tokens_in if record else completion.tokens_in,
        tokens_out=record.tokens_out if record else completion.tokens_out,
        tokens_cached=record.tokens_cached if record else completion.tokens_cached,
        estimated=record.estimated if record else False,
        money=record.money if record else None,
        seconds_to_first_token=(first - completion.started_at).total_seconds() if first else None,
        seconds=(end - completion.started_at).total_seconds() if end else None,
        tokens_a_second=completion.tokens_out / writing if writing >= 0.1 else None,
        sent=sent_for(completion),
    )


def sent_for(completion: Completion) -> Sent | None:
    """The messages of its call, byte for byte. A few queries, however long the conversation."""
    record = completion.prompt
    if not record.get("last"):
        return None  # a copy, for which nothing was sent
    if record.get("examples") or ("partial" in record and "continue" not in record):
        return None  # by an earlier version of the site, which did not keep these texts
    texts, branch = _texts(record), _branch(record)
    if texts is None or branch is None:
        return None
    instructions = [texts[key] for key in record.get("instructions", [])]
    if instructions:  # the role's is the first one where there are variables
        instructions[0] = fill(instructions[0], record.get("variables", {}))
    system = joined(instructions)
    turns = [Turn("system", system)] if system else []
    if "few_shot" in record:
        turns += _examples(texts[record["few_shot"]])
    turns += branch
    if "continue" in record:
        turns.append(Turn("user", texts[record["continue"]]))
    return Sent(
        tuple({"role": turn.role, "content": turn.content} for turn in turns),
        _left_out(record),
    )


def _texts(record: dict[str, Any]) -> dict[int, str] | None:
    """Every version it names, by id; None if one is not there."""
    keys = [*record.get("instructions", [])]
    keys += [record[name] for name in ("few_shot", "continue") if name in record]
    rows = InstructionVersion.objects.in_bulk(keys)
    return {key: rows[key].text for key in keys} if len(rows) == len({*keys}) else None


def _branch(record: dict[str, Any]) -> list[Turn] | None:
    """From its first message to its last, without those that had no text; None if the first is not on the way."""
    first, last = UUID(record["first"]), UUID(record["last"])
    turns = selectors.turns(last, most=selectors.MOST_TURNS + 1)  # what it followed, and itself
    places = [place for place, turn in enumerate(turns) if turn.id == first]
    if not places:
        return None
    kept = turns[places[0] :]
    if "partial" in record:
        partial = kept.pop()
        kept.append(Turn(partial.role, partial.content[: record["partial"]], partial.id))
    return [turn for turn in kept if turn.content]


def _left_out(record: dict[str, Any]) -> int:
    """How many messages of the branch were older than the first one that was sent."""
    first = UUID(record["first"])
    return len(selectors.ancestor_ids(first, limit=selectors.LONGEST_BRANCH)) - 1


def written_examples(turns: Sequence[Turn]) -> str:
    """Example turns as the text of a version."""
    return json.dumps([[turn.role, turn.content] for turn in turns], ensure_ascii=False)


def _examples(text: str) -> list[Turn]:
    return [Turn(role, content) for role, content in json.loads(text)]
