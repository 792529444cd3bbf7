"""A reader is a position: what it gets, from where, and that it is woken."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest

from conversations import events, relay, sse
from conversations.relay import Answer, Ending, Slice
from conversations.rendering.markdown import render_markdown

TEXT = "# Title\n\nFirst **paragraph**.\n\n- one\n- two\n\n```python\nx = 1\n```\n\nThe end."


def answer_with(text: str = "", *, ended: bool = False) -> Answer:
    answer = Answer(uuid4(), uuid4(), text)
    if ended:
        answer.end(Ending("complete"))
    return answer


def describe(ending: Ending) -> events.End:
    return events.End(ending.status, "id", ending.code)


async def everything(answer: Answer, after: int = 0, *, html: bool = False) -> list[Slice]:
    return [
        slice_
        async for part in relay.read(answer, after, html=html, describe=describe)
        for slice_ in part
    ]


def blocks_of(slices: list[Slice]) -> dict[int, str]:
    return {
        event.index: event.html
        for event, _position in slices
        if isinstance(event, events.Block | events.Open)
    }


@pytest.mark.parametrize("after", [0, 1, 5, len(TEXT) - 1, len(TEXT), len(TEXT) + 99])
def test_text_from_any_position(after: int) -> None:
    slices = asyncio.run(everything(answer_with(TEXT, ended=True), after))
    text = "".join(event.text for event, _ in slices if isinstance(event, events.Delta))
    assert text == TEXT[after:]
    assert isinstance(slices[-1][0], events.End)


def test_reader_is_woken_from_another_thread() -> None:
    answer = answer_with()

    def write() -> None:
        for char in "Hello":
            answer.append(char)
        answer.end(Ending("complete"))

    async def read() -> list[Slice]:
        reading = asyncio.create_task(everything(answer))
        await asyncio.sleep(0)
        threading.Thread(target=write).start()
        return await asyncio.wait_for(reading, 5)

    slices = asyncio.run(read())
    assert "".join(e.text for e, _ in slices if isinstance(e, events.Delta)) == "Hello"


def test_slow_reader_gets_bigger_slices() -> None:
    async def scenario() -> list[int]:
        answer = answer_with()
        reader = relay.read(answer, 0, html=False, describe=describe)
        sizes = []
        for _ in range(3):
            for _ in range(100):
                answer.append("x" * 10)
            part = await anext(reader)
            sizes.append(sum(len(e.text) for e, _ in part if isinstance(e, events.Delta)))
        await reader.aclose()
        return sizes

    assert asyncio.run(scenario()) == [1000, 1000, 1000]


def test_readers_that_left_are_forgotten() -> None:
    async def scenario() -> int:
        answer = answer_with()
        reader = asyncio.create_task(everything(answer))
        await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        return len(answer._waiters)

    assert asyncio.run(scenario()) == 0


def test_html_grows_and_resumes_to_the_same_page() -> None:
    """However often a reader is cut off, the blocks it ends with are those of an undisturbed one."""
    undisturbed = blocks_of(asyncio.run(everything(answer_with(TEXT, ended=True), html=True)))

    async def scenario(cut_every: int) -> dict[int, str]:
        answer, blocks, position = answer_with(), {}, 0
        for start in range(0, len(TEXT), 3):
            answer.append(TEXT[start : start + 3])
            if start % cut_every == 0:
                reader = relay.read(answer, position, html=True, describe=describe)
                part = await anext(reader)
                blocks.update(blocks_of(part))
                position = max([p for _, p in part if p is not None], default=position)
                await reader.aclose()
        answer.end(Ending("complete"))
        blocks.update(blocks_of(await everything(answer, position, html=True)))
        return blocks

    for cut_every in (1, 6, 30):
        assert asyncio.run(scenario(cut_every)) == undisturbed


def test_copy_that_lags_behind_its_reader_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In another process, for as long as a checkpoint takes: the page already shows more."""
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.01)
    after = TEXT.index("x = 1")

    async def scenario() -> tuple[list[Slice], list[Slice]]:
        answer = answer_with(TEXT[:40])
        reader = relay.read(answer, after, html=True, describe=describe)
        behind = await anext(reader)
        answer.append(TEXT[40:])
        return behind, await anext(reader)

    behind, then = asyncio.run(scenario())
    assert behind == []
    assert max(position or 0 for _event, position in then) == len(TEXT)
    assert "The end." in "".join(blocks_of(then).values())


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"- item number {number} of a long list\n" for number in range(600)),
        "```\n" + "".join(f"line {number} of a long fence\n" for number in range(900)) + "```\n",
    ],
    ids=["list", "fence"],
)
def test_long_open_block_costs_few_bytes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the wire has it, tails included, to one reader who looks after every forty characters."""
    monkeypatch.setattr(relay, "interval", lambda: 0.0)

    async def scenario() -> int:
        answer, sent = answer_with(), 0
        reader = relay.read(answer, 0, html=True, describe=describe)
        for start in range(0, len(text), 40):
            answer.append(text[start : start + 40])
            sent += sum(len(sse.encode(*one)) for one in await anext(reader))
        answer.end(Ending("complete"))
        async for part in reader:
            sent += sum(len(sse.encode(*one)) for one in part)
        return sent

    final = len(render_markdown(text).encode())
    assert asyncio.run(scenario()) < 6 * final + 200 * len(text) / 40


def test_silence_is_an_empty_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.01)

    async def scenario() -> list[Slice]:
        reader = relay.read(answer_with(), 0, html=False, describe=describe)
        part = await anext(reader)
        await reader.aclose()
        return part

    assert asyncio.run(scenario()) == []


@pytest.mark.parametrize(
    ("event", "position", "bytes_"),
    [
        (events.Delta("é\n"), 2, b'id: 2\nevent: delta\ndata: {"text":"\xc3\xa9\\n"}\n\n'),
        (events.Block(0, "<p>"), 3, b'id: 3\nevent: block\ndata: {"index":0,"html":"<p>"}\n\n'),
        (
            events.End("complete", "m"),
            None,
            b'event: end\ndata: {"status":"complete","message_id":"m"}\n\n',
        ),
        (
            events.End("failed", "m", "upstream_cut", "Broken."),
            None,
            b'event: end\ndata: {"status":"failed","message_id":"m","code":"upstream_cut",'
            b'"message":"Broken."}\n\n',
        ),
    ],
)
def test_wire(event: events.Event, position: int | None, bytes_: bytes) -> None:
    assert sse.encode(event, position) == bytes_
