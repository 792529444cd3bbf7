"""From a branch and its instructions to the messages that are sent. Pure: no request, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from .errors import MessageTooLong
from .tokens import estimate_message

LEAST_ANSWER = 256  # tokens; with less room than this for an answer, asking makes no sense

CONTINUE = (
    "Continue your last answer exactly where it ended. Do not repeat any of it, do not comment on the"
    " interruption, and begin in the middle of a sentence or word if that is where it stopped."
)


@dataclass(frozen=True)
class Turn:
    """One message of the branch. `id` is None for a preset's example turns."""

    role: str
    content: str
    id: UUID | None = None


@dataclass(frozen=True)
class Prompt:
    """What is sent. `tokens` and `answer_tokens` are estimates and fit the window together.

    messages: `{role, content}`, the instruction first. kept: the branch's turns among them, oldest first.
    left_out: how many older turns of those given did not fit.
    """

    messages: tuple[dict[str, str], ...]
    tokens: int
    answer_tokens: int
    kept: tuple[Turn, ...]
    left_out: int


def fit_to_budget(turns: Sequence[Turn], *, budget: int) -> list[Turn]:
    """Keep the newest whole turns that fit, oldest first, beginning with a user's.

    turns: oldest first. budget: tokens; nothing is kept when the newest does not fit.
    """
    kept: list[Turn] = []
    for turn in reversed(turns):
        budget -= estimate_message(turn.content)
        if budget < 0:
            break
        kept.append(turn)
    while kept and kept[-1].role != "user":
        kept.pop()
    kept.reverse()
    return kept


def joined(instructions: Iterable[str]) -> str:
    """The one instruction that is sent."""
    return "\n\n".join(text.strip() for text in instructions if text.strip())


def build_prompt(
    *,
    instructions: Iterable[str],
    examples: Sequence[Turn],
    turns: Sequence[Turn],
    context_window: int,
    answer_tokens: int,
    continues: bool = False,
) -> Prompt:
    """The messages of one call.

    turns: the branch oldest first, ending with the user's message; with `continues`, with the partial answer.
    answer_tokens: the longest answer wanted. It shrinks to LEAST_ANSWER before the message is refused.
    Raises MessageTooLong if instruction and last message leave no room for an answer.
    """
    system = joined(instructions)
    tail = 2 if continues and len(turns) > 1 else 1
    older, newest = [turn for turn in turns[:-tail] if turn.content], list(turns[-tail:])
    if continues:
        newest.append(Turn("user", CONTINUE))
    fixed = [Turn("system", system)] if system else []
    fixed += examples
    taken = sum(estimate_message(turn.content) for turn in (*fixed, *newest))
    room = context_window - taken
    if room < min(LEAST_ANSWER, answer_tokens):
        raise MessageTooLong
    # A quarter of the window at most is kept free for the answer while there are older turns to remember.
    answer = min(answer_tokens, room, max(LEAST_ANSWER, context_window // 4))
    kept = fit_to_budget(older, budget=room - answer)
    tokens = taken + sum(estimate_message(turn.content) for turn in kept)
    return Prompt(
        messages=tuple(
            {"role": turn.role, "content": turn.content} for turn in (*fixed, *kept, *newest)
        ),
        tokens=tokens,
        answer_tokens=max(answer, min(answer_tokens, context_window - tokens)),
        kept=(*kept, *(turn for turn in newest if turn.id is not None)),
        left_out=len(older) - len(kept),
    )
