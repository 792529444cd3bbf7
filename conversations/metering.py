"""What an answer cost: by the endpoint's count if that can be true, else by ours. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.quotas import Spent

from .prices import Prices
from .upstream.deltas import TokenUsage


@dataclass(frozen=True)
class Terms:
    """What is known before the answer comes.

    prompt_tokens: our estimate. max_tokens: the most the answer may have. context_window: tokens.
    """

    prompt_tokens: int
    max_tokens: int
    context_window: int
    prices: Prices


def spent(
    terms: Terms, usage: TokenUsage | None, *, counted: int, is_empty: bool, seconds: float | None
) -> Spent:
    """What to settle for an answer that has begun.

    counted: our estimate of its tokens. is_empty: it has no text. seconds: to its first token.
    """
    is_sane = usage is not None and _is_sane(terms, usage, counted=counted, is_empty=is_empty)
    true = usage if usage is not None and is_sane else TokenUsage(terms.prompt_tokens, counted)
    return Spent(
        tokens_in=true.prompt,
        tokens_out=true.completion,
        tokens_cached=true.cached,
        money=terms.prices.of(prompt=true.prompt, answer=true.completion, cached=true.cached),
        estimated=not is_sane,
        seconds_to_first_token=seconds,
    )


def _is_sane(terms: Terms, usage: TokenUsage, *, counted: int, is_empty: bool) -> bool:
    """Not plainly wrong: nothing counted where there was something, or more than the window could hold."""
    if not usage.prompt or not (is_empty or usage.completion):
        return False
    return usage.prompt <= 4 * terms.context_window and (
        usage.completion <= max(2 * terms.max_tokens, 2 * counted) + 1000
    )
