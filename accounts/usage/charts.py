"""Bars for a value of each day: where they stand and what they say. Pure; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

HEIGHT = 100  # of the drawing, in its own units
STEP = 10  # from one bar to the next
GAP = 2
LEAST = 2  # of a bar that is not nothing


@dataclass(frozen=True)
class Bar:
    """x, y, width, height: as SVG has them, texts so that no language writes them with a comma."""

    x: str
    y: str
    width: str
    height: str
    text: str


@dataclass(frozen=True)
class Chart:
    """width, height: of the drawing. first, last: what the outermost bars stand for; top: the value of the highest."""

    bars: list[Bar]
    width: str
    height: str
    first: str
    last: str
    top: str


def bar_chart(
    values: Sequence[int | Decimal], *, labels: Sequence[str], texts: Sequence[str]
) -> Chart:
    """A bar for each value, at least one. texts: the values as written; labels: what each is the value of."""
    most = max(values)
    bars = []
    for number, value in enumerate(values):
        height = max(float(HEIGHT * value / most), LEAST) if value > 0 else 0.0
        bars.append(
            Bar(
                x=f"{number * STEP + GAP / 2:g}",
                y=f"{HEIGHT - height:.2f}",
                width=f"{STEP - GAP:g}",
                height=f"{height:.2f}",
                text=f"{labels[number]}: {texts[number]}",
            )
        )
    return Chart(
        bars=bars,
        width=str(STEP * len(bars)),
        height=str(HEIGHT),
        first=labels[0],
        last=labels[-1],
        top=texts[list(values).index(most)],
    )
