"""The prompt that fits, and the estimate it rests on."""

from __future__ import annotations

from uuid import uuid4

import pytest

from conversations.errors import MessageTooLong
from conversations.prompt import LEAST_ANSWER, Turn, build_prompt, fit_to_budget
from conversations.tokens import PER_MESSAGE, estimate_tokens


def branch(*contents: str) -> list[Turn]:
    roles = ("user", "assistant")
    return [Turn(roles[number % 2], text, uuid4()) for number, text in enumerate(contents)]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("The quick brown fox jumps over the lazy dog.", 10, 16),
        ("敏捷的棕色狐狸跳过了懒狗。", 12, 20),
        ("🐈‍⬛" * 10, 30, 60),
        ("x" * 3800, 1000, 1300),
    ],
)
def test_estimate(text: str, least: int, most: int) -> None:
    assert least <= estimate_tokens(text) <= most


def test_instruction_first_then_the_branch() -> None:
    turns = branch("Hello", "Hi", "And now?")
    prompt = build_prompt(
        instructions=["Be kind.", "  ", "I am Ann."],
        examples=[Turn("user", "Ping"), Turn("assistant", "Pong")],
        turns=turns,
        context_window=4096,
        answer_tokens=512,
    )
    assert [message["content"] for message in prompt.messages] == [
        "Be kind.\n\nI am Ann.", "Ping", "Pong", "Hello", "Hi", "And now?",
    ]  # fmt: skip
    assert [turn.id for turn in prompt.kept] == [turn.id for turn in turns]
    assert prompt.left_out == 0
    assert prompt.answer_tokens == 512


def test_without_instruction_there_is_no_system_message() -> None:
    prompt = build_prompt(
        instructions=[], examples=[], turns=branch("Hello"), context_window=1024, answer_tokens=99
    )
    assert prompt.messages == ({"role": "user", "content": "Hello"},)


def test_oldest_turns_are_left_out_whole() -> None:
    turns = branch(*["word " * 100] * 9)
    prompt = build_prompt(
        instructions=[], examples=[], turns=turns, context_window=1024, answer_tokens=256
    )
    assert prompt.left_out > 0
    assert prompt.kept[-1] == turns[-1]
    assert prompt.messages[0]["role"] == "user"
    assert prompt.tokens + prompt.answer_tokens <= 1024


def test_answer_shrinks_before_the_message_is_refused() -> None:
    text = "x" * round((1024 - LEAST_ANSWER - PER_MESSAGE - 2) * 3.8 / 1.25)
    prompt = build_prompt(
        instructions=[], examples=[], turns=branch(text), context_window=1024, answer_tokens=900
    )
    assert LEAST_ANSWER <= prompt.answer_tokens < 300
    with pytest.raises(MessageTooLong):
        build_prompt(
            instructions=[], examples=[], turns=branch(text + "x" * 50), context_window=1024,
            answer_tokens=900,
        )  # fmt: skip


def test_short_answers_may_be_shorter_than_the_least() -> None:
    prompt = build_prompt(
        instructions=[], examples=[], turns=branch("Hello"), context_window=512, answer_tokens=16
    )
    assert prompt.answer_tokens == 16


def test_continue_sends_the_partial_answer_and_asks_for_more() -> None:
    turns = branch("Count", "One two")
    prompt = build_prompt(
        instructions=[], examples=[], turns=turns, context_window=2048, answer_tokens=64,
        continues=True,
    )  # fmt: skip
    assert [message["role"] for message in prompt.messages] == ["user", "assistant", "user"]
    assert prompt.messages[1]["content"] == "One two"
    assert len(prompt.kept) == 2


def test_empty_answers_are_not_sent() -> None:
    prompt = build_prompt(
        instructions=[], examples=[], turns=branch("Hello", "", "Again"), context_window=2048,
        answer_tokens=64,
    )  # fmt: skip
    assert [message["content"] for message in prompt.messages] == ["Hello", "Again"]


def test_nothing_fits_into_nothing() -> None:
    assert fit_to_budget(branch("Hello", "Hi"), budget=0) == []
    assert fit_to_budget([], budget=100) == []
