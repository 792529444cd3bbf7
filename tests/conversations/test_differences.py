"""What changed between two texts, as a page shows it."""

from __future__ import annotations

import random
import time

import pytest

from conversations.differences import MOST_PARTS, Piece, compare


def shown(before: str, after: str) -> str:
    marks = {"same": "{}", "added": "+[{}]", "removed": "-[{}]", "gap": "…"}
    return "".join(marks[piece.kind].format(piece.text) for piece in compare(before, after))


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("", "", ""),
        ("Be kind.", "Be kind.", "Be kind."),
        ("", "Be kind.", "+[Be kind.]"),
        ("Be kind.", "", "-[Be kind.]"),
        ("Be kind.", "Be very kind.", "Be +[very ]kind."),
        ("Be kind and brief.", "Be brief.", "Be -[kind and ]brief."),
        ("Ask first.\nThen tell.", "Ask.\nThen tell.", "-[Ask first]+[Ask].\nThen tell."),
        ("你是译者。", "你是好译者。", "你是+[好]译者。"),
        ("one two three", "one TWO three", "one -[two ]+[TWO ]three"),
        ("a\n\nb", "a\nb", "a\n-[\n]b"),
        ("Teach it, and ask.", "Only this. And it.", "-[Teach it, and ask]+[Only this. And it]."),
        ("🙂 yes", "🙃 yes", "-[🙂]+[🙃] yes"),
    ],
)
def test_words(before: str, after: str, difference: str) -> None:
    assert shown(before, after) == difference


def test_what_stays_is_shown_near_what_changes() -> None:
    before = "word " * 500 + "here" + " word" * 500
    kinds = [piece.kind for piece in compare(before, before.replace("here", "there"))]
    assert kinds == ["gap", "same", "removed", "added", "same", "gap"]


@pytest.mark.parametrize("count", [100, MOST_PARTS - 1, 9_000])
@pytest.mark.parametrize("distinct", [1, 70, 500])
def test_it_ends_soon_and_loses_nothing(count: int, distinct: int) -> None:
    """However much changes; the pieces of one side and of both make up its text."""
    chance = random.Random(7)
    choices = [str(number) for number in range(distinct)]
    texts = [" ".join(chance.choices(choices, k=count)) + end for end in ".!"]
    start = time.process_time()
    pieces = compare(*texts)
    assert time.process_time() - start < 2
    for text, side in zip(texts, ("removed", "added"), strict=True):
        assert (
            "".join(piece.text for piece in pieces if piece.kind in {"same", "gap", side}) == text
        )


def test_lines_where_words_are_too_many() -> None:
    before = "".join(f"{number} is a line\n" for number in range(MOST_PARTS))
    after = "".join(f"{number} was a line\n" for number in range(0, MOST_PARTS, 2))
    pieces = compare(before[: len(before) // 2], after[: len(after) // 2])
    assert {"removed", "added"} <= {piece.kind for piece in pieces}
    assert compare("x " * 9000, "y " * 9000) == [
        Piece("removed", "x " * 9000),
        Piece("added", "y " * 9000),
    ]


def test_an_order_that_takes_minutes_to_match_is_not_matched() -> None:
    """Each longest match is at one end of what is left."""
    before = [f"w{number} " for number in range(100)] * 40
    after = [text for number in range(2000) for text in (before[number], f"z{number} ")]
    start = time.process_time()
    pieces = compare("".join(before), "".join(after))
    assert time.process_time() - start < 4
    assert pieces == [Piece("removed", "".join(before)), Piece("added", "".join(after))]
