"""What tokens cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Prices:
    """Money per million tokens: of the prompt, of its part that the endpoint had cached, of the answer."""

    prompt: Decimal = Decimal(0)
    cached: Decimal = Decimal(0)
    answer: Decimal = Decimal(0)

    def of(self, *, prompt: int, answer: int, cached: int = 0) -> Decimal:
        """What that many tokens cost. cached: part of `prompt`."""
        costs = (prompt - cached) * self.prompt + cached * self.cached + answer * self.answer
        return costs / MILLION
