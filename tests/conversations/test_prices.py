"""What tokens cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from conversations.models import ChatModel
from conversations.prices import Prices


@pytest.mark.parametrize(
    ("prompt", "cached", "answer", "cost"),
    [(0, 0, 0, "0"), (1000, 0, 0, "0.002"), (1000, 1000, 0, "0.0005"), (3, 1, 2, "0.0000205")],
)
def test_cost(prompt: int, cached: int, answer: int, cost: str) -> None:
    prices = Prices(prompt=Decimal(2), cached=Decimal("0.5"), answer=Decimal(8))
    assert prices.of(prompt=prompt, cached=cached, answer=answer) == Decimal(cost)


@pytest.mark.parametrize(("own", "cached"), [(None, Decimal(2)), (Decimal(0), Decimal(0))])
def test_cached_tokens_without_a_price_cost_as_much_as_others(
    own: Decimal | None, cached: Decimal
) -> None:
    model = ChatModel(price_in=Decimal(2), price_cached=own, price_out=Decimal(8))
    assert model.prices.cached == cached
