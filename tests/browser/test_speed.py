"""How little an answer that is written costs the browser: no task that keeps it from obeying, no memory that grows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, expect

from conversations.model_lists import LONGEST_ANSWER, UNKNOWN_WINDOW
from tests.browser.chat import Chat
from tests.processes import Site, family, wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

MOST_TASK = 50.0  # milliseconds of CPU
MOST_HEAP_PER_TOKEN = (
    60  # bytes: 33 were measured, most of them what the browser keeps of the markup
)
MOST_NODES_PER_TOKEN = 5
MOST_SERVER_GROWTH = 64_000_000  # bytes
PARAGRAPH = 60  # tokens


def tokens(count: int) -> Iterator[str]:
    """Prose, a list, a table and code in turns, a word each."""
    for index in range(count):
        place, kind = index % PARAGRAPH, index // PARAGRAPH % 4
        if place == 0:
            yield "\n\n```python\n" if kind == 3 else "\n\n"
        elif place == PARAGRAPH - 1 and kind == 3:
            yield "\n```\n"
        elif kind == 1 and place % 10 == 1:
            yield "\n- "
        elif kind == 2 and place == 1:
            yield "| a | b |\n|---|---|\n"
        elif kind == 2:
            yield f"| w{index} | **b** |\n"
        elif kind == 3 and place % 8 == 0:
            yield "\n"
        else:
            yield f"word{index} "


def test_no_long_task_while_an_answer_streams(chat: Chat, upstream: Upstream) -> None:
    """At 25 tokens a second. What counts is for how long the page's thread works, not for how long it waits."""
    upstream.play(Script("answer", tuple(tokens(200)), {"delay": "0.04"}))
    page = chat.page
    browser = page.context.browser
    assert browser is not None
    expect(page.locator("chat-sidebar:defined")).to_be_attached()
    browser.start_tracing(
        page=page, categories=["toplevel", "devtools.timeline", "blink.user_timing"]
    )
    chat.send("Go on").expect_status("running")
    chat.expect_status("complete")
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event.get("tdur", event["dur"]) / 1_000
        for event in events
        if event.get("ph") == "X"
        and (event["pid"], event["tid"]) in main
        and event["name"].endswith("RunTask")
    ]
    assert len(tasks) > 100
    assert max(tasks) <= MOST_TASK


ENDS_WITH = """(word) => [...document.querySelectorAll("[data-role=assistant] [data-body]")].at(-1)
  .lastElementChild?.textContent.includes(word)"""


class Memory:
    """What the page holds once everything that can be thrown away has been."""

    def __init__(self, session: CDPSession) -> None:
        session.send("HeapProfiler.collectGarbage")
        self.heap: int = session.send("Runtime.getHeapUsage")["usedSize"]
        counters = session.send("Memory.getDOMCounters")
        self.nodes: int = counters["nodes"]
        self.listeners: int = counters["jsEventListeners"]

    def __repr__(self) -> str:
        return f"{self.heap / 1e6:.2f} MB, {self.nodes} nodes, {self.listeners} listeners"


def stream_and_measure(chat: Chat, upstream: Upstream, count: int) -> None:
    """At 10, 50 and 100 % of an answer that comes as fast as it can. The text is there; nothing else is left behind."""
    text = list(tokens(count))
    marks = [count // 10, count // 2, count]
    upstream.play(Script("steps", tuple(text), {"at": ",".join(map(str, marks))}))
    session = chat.page.context.new_cdp_session(chat.page)
    chat.until_whole()  # what the page loads when it is idle is not the answer's
    chat.send("Go on for an hour").expect_status("running")
    measured = []
    for mark in marks:
        last = re.findall(r"w\w*\d", "".join(text[:mark]))[-1]
        wait_for(partial(chat.page.evaluate, ENDS_WITH, last), what=last, seconds=600)
        measured.append(Memory(session))
        upstream.release()
    chat.expect_status("complete")
    for before, after, share in zip(measured, measured[1:], (0.4, 0.5), strict=False):
        new = share * count
        assert after.heap - before.heap <= MOST_HEAP_PER_TOKEN * new, measured
        assert after.nodes - before.nodes <= MOST_NODES_PER_TOKEN * new, measured
        # Two buttons for each block of code.
        assert after.listeners - before.listeners <= 2 * (new / PARAGRAPH / 4 + 1), measured


def test_memory_is_flat_over_an_answer(chat: Chat, upstream: Upstream) -> None:
    stream_and_measure(chat, upstream, 3_000)


LENGTHS = (
    "from conversations.models import ChatModel; "
    "ChatModel.objects.update(context_window={}, max_output_tokens={})"
)


@pytest.fixture
def patient_model(site: Site) -> Iterator[None]:
    """It may answer with as many words as an hour has; by itself the site allows an unknown one 4,096."""
    site.manage("shell", "-c", LENGTHS.format(131_072, 100_000))
    yield
    site.manage("shell", "-c", LENGTHS.format(UNKNOWN_WINDOW, LONGEST_ANSWER))


@pytest.mark.long
@pytest.mark.usefixtures("patient_model")
@pytest.mark.timeout(1_800)
def test_memory_is_flat_over_an_hour_of_answers(chat: Chat, upstream: Upstream, site: Site) -> None:
    before = memory_of(site)
    stream_and_measure(chat, upstream, 90_000)
    after = memory_of(site)
    assert after - before <= MOST_SERVER_GROWTH


def memory_of(site: Site) -> int:
    """Bytes of all its processes, shared ones by their share."""
    total = 0
    for pid, _start in family(site.process.pid):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024
