"""The parser of an endpoint's stream: a table of what may arrive, cut in every place."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.upstream.deltas import MAX_LINE_BYTES, Delta, DeltaParser, TokenUsage

END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def event(**delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


def parse(*packets: bytes, event_stream: bool = True) -> tuple[list[Delta], DeltaParser]:
    parser = DeltaParser(event_stream=event_stream)
    deltas = [parser.feed(packet) for packet in packets if not (parser.done or parser.failure)]
    if not (parser.done or parser.failure):
        deltas.append(parser.end())
    return [delta for delta in deltas if delta is not None], parser


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def failure_of(parser: DeltaParser) -> str:
    return parser.failure.code if parser.failure else ""


@given(
    texts=st.lists(st.text(), max_size=5),
    newline=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    ascii_only=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_cutting_changes_nothing(
    texts: list[str], newline: bytes, cuts: list[int], ascii_only: bool
) -> None:
    lines = [
        b"data: "
        + json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=ascii_only).encode()
        for text in texts
    ]
    stream = (newline * 2).join([*lines, *END.split(b"\n\n")])
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    deltas, parser = parse(*(stream[a:b] for a, b in itertools.pairwise(edges)))

    assert text_of(deltas) == "".join(texts).replace("\x00", "")
    assert parser.done
    assert parser.bad_lines == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'data: {"choices":[{"delta":{"content":"a"}}]}', "a"),
        (b'data:{"choices":[{"delta":{"content":"a"}}]}', "a"),
        (b'data:   {"choices":[{"delta":{"content":"a"}}]}  ', "a"),
        (b'\xef\xbb\xbfdata: {"choices":[{"delta":{"content":"a"}}]}', "a"),
        (b'data: {"choices":[{"delta":{"content":null}}]}', ""),
        (b'data: {"choices":[{"delta":null}]}', ""),
        (b'data: {"choices":[{}]}', ""),
        (b'data: {"choices":[]}', ""),
        (b'data: {"choices":null,"usage":null,"error":null}', ""),
        (b"data: {}", ""),
        (b"data:", ""),
        (b": comment", ""),
        (b"event: ping", ""),
        (b"retry: 100", ""),
        (b'data: {"choices":[{"delta":{"content":7,"reasoning":{}},"finish_reason":7}]}', ""),
        (b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}', "\ufffd\ufffd"),
        (b'data: {"choices":[{"delta":{"content":"\\udc00x"}}]}', "\ufffdx"),
        (b'data: {"choices":[{"delta":{"content":"\\u0000x"}}]}', "x"),
        (b'data: {"choices":[{"delta":{"content":[{"text":"a"},{"text":1},2]}}]}', "a"),
    ],
)
def test_line_that_is_understood(line: bytes, text: str) -> None:
    deltas, parser = parse(line + b"\n\n", END)

    assert text_of(deltas) == text
    assert parser.bad_lines == 0
    assert parser.failure is None


@pytest.mark.parametrize(
    "line",
    [
        b"data: {",
        b"data: 17",
        b"data: null",
        b"data: []",
        b"data: undefined",
        b'data: {"choices": 5}',
        b'data: {"choices": [5]}',
        b"nonsense",
        b"\xff\xfe\xfd",
        b"data: " + b"[" * 5000,
        b'data: {"usage": ' + b"[" * 5000,
    ],
)
def test_bad_line_is_skipped_and_counted(line: bytes) -> None:
    deltas, parser = parse(event(content="a"), line + b"\n\n", event(content="b"), END)

    assert text_of(deltas) == "ab"
    assert parser.bad_lines == 1
    assert parser.failure is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, TokenUsage(3, 4)),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 3},
            },
            TokenUsage(3, 0, 3),
        ),
        (
            {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": None},
            TokenUsage(3, 4),
        ),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": None},
            },
            TokenUsage(3, 4),
        ),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            None,
        ),
        ({"prompt_tokens": -1, "completion_tokens": 4}, None),
        ({"prompt_tokens": 3}, None),
        ({"prompt_tokens": 3, "completion_tokens": 10_000_001}, None),
        ({"prompt_tokens": 3.5, "completion_tokens": 4}, None),
        ({"prompt_tokens": "3", "completion_tokens": 4}, None),
        ({"prompt_tokens": True, "completion_tokens": 4}, None),
        ({"prompt_tokens": 10**30, "completion_tokens": 4}, None),
        ("many", None),
        ([], None),
    ],
)
def test_usage_only_if_it_can_be_true(usage: Any, expected: TokenUsage | None) -> None:
    chunk = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"

    deltas, parser = parse(event(content="a"), chunk, END)

    assert [delta.usage for delta in deltas if delta.usage] == ([expected] if expected else [])
    assert parser.bad_lines == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "overloaded"}, "overloaded"),
        ({"code": "Over Loaded!"}, "over_loaded"),
        ({"code": "<script>"}, "script"),
        ({"code": "x" * 100}, "x" * 64),
        ({"code": "过载"}, "upstream_error"),
        ({"code": 500, "message": "x"}, "upstream_error"),
        ({"code": None}, "upstream_error"),
        ({"message": "x"}, "upstream_error"),
        ("broken", "upstream_error"),
    ],
)
def test_error_frame_ends_with_its_own_code(error: Any, code: str) -> None:
    frame = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"

    deltas, parser = parse(event(content="before") + frame + event(content="after"))

    assert text_of(deltas) == "before"
    assert failure_of(parser) == code


def test_error_field_of_older_servers() -> None:
    assert failure_of(parse(b'error: {"code": "overloaded"}\n\n')[1]) == "overloaded"
    assert failure_of(parse(b"error: {\n\n")[1]) == "upstream_malformed"


@pytest.mark.parametrize(
    ("stream", "event_stream", "code"),
    [
        (b"", True, "upstream_cut"),
        (b": hello\n\n", True, "upstream_cut"),
        (event(content="a"), True, "upstream_cut"),
        (event(content="a")[:-3], True, "upstream_cut"),
        (b"<html>\n", True, "upstream_malformed"),
        (b"<html>\n", False, "upstream_malformed"),
        (b'{"choices":[{"message":{"content":"a"}}]}', False, "upstream_malformed"),
        (b"", False, "upstream_malformed"),
        (event(content="a") + END, False, ""),
        (b"data: [DONE]", True, ""),
        (b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}', True, ""),
    ],
)
def test_how_a_stream_may_end(stream: bytes, event_stream: bool, code: str) -> None:
    assert failure_of(parse(stream, event_stream=event_stream)[1]) == code


def test_endless_line_is_refused_in_bounded_memory() -> None:
    parser = DeltaParser()
    tracemalloc.start()
    packets = 0
    while parser.failure is None:
        parser.feed(b"x" * 10_000)
        packets += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert failure_of(parser) == "upstream_malformed"
    assert packets <= MAX_LINE_BYTES // 10_000 + 1
    assert peak < 4 * MAX_LINE_BYTES


def test_long_line_is_refused_even_when_it_ends() -> None:
    assert failure_of(parse(event(content="x" * MAX_LINE_BYTES))[1]) == "upstream_malformed"
    assert failure_of(parse(event(content="x" * (MAX_LINE_BYTES - 100)) + END)[1]) == ""


def test_nothing_is_read_after_done() -> None:
    deltas, parser = parse(event(content="a") + END + event(content="b"))

    assert text_of(deltas) == "a"
    assert parser.failure is None
