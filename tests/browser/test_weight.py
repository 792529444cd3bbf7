"""What a page weighs on the wire, and how soon one can write on a slow line. docs/weights.md says what was measured.

A page is usable when its message box can be typed into and Enter sends: chat.js has defined the elements around the
box, and marks the moment. What had been asked for until then is the weight of the page; the rest comes when it is idle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Open, Person
from tests.browser.test_sidebar import begin
from tests.processes import ROOT, wait_for
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

WEIGHTS = ROOT / "docs/weights.md"
MOST_BYTES = 60_000
MOST_REQUESTS = 12
MOST_BYTES_IN_ALL = 90_000
MOST_REQUESTS_IN_ALL = 30
TOLERANCE = 0.1  # of the kilobytes in docs/weights.md
# A slow line, in bytes and milliseconds: 1.6 Mbit/s down, 750 kbit/s up, 150 ms for each request.
SLOW = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 93_750,
}
SLOWER_CPU = 4
MOST_WAIT = 1_500.0  # milliseconds from the click to a usable page
TRIES = 5  # the best of them counts: other work on this machine is not the page's
ANSWER = """Green tea is **steamed**, black tea is oxidised.

| tea | minutes |
|:----|--------:|
| green | 2 |
| black | 4 |

```python
def brew(minutes: int) -> str:
    return f"Wait for {minutes} minutes."
```
"""
USABLE = "() => performance.getEntriesByName('usable')[0]?.startTime"
ASKED_BEFORE = """() => {
  const [usable] = performance.getEntriesByName("usable");
  const resources = performance.getEntriesByType("resource");
  return [location.href, ...resources.filter(({ startTime }) => startTime < usable.startTime).map(({ name }) => name)];
}"""


@dataclass
class Wire:
    """What one page asked for, as the browser's network saw it."""

    session: CDPSession
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session.on("Network.responseReceived", self._on_reply)
        self.session.on("Network.loadingFinished", self._on_end)
        self.session.send("Network.enable")

    def _on_reply(self, event: dict[str, Any]) -> None:
        self.replies[event["requestId"]] = event["response"]

    def _on_end(self, event: dict[str, Any]) -> None:
        size = event["encodedDataLength"]
        if size and event["requestId"] in self.replies:  # the others had been loaded before
            self.sizes[event["requestId"]] = size

    def weight_of(self, urls: set[str] | None = None) -> tuple[int, float]:
        """Requests and bytes, headers included: of those addresses, or of all."""
        sizes = [
            size
            for key, size in self.sizes.items()
            if urls is None or self.replies[key]["url"] in urls
        ]
        return len(sizes), sum(sizes)


def written(name: str) -> tuple[int, float, int, float]:
    """What docs/weights.md says of that page: requests and kB until it is usable, and in all."""
    row = re.search(
        rf"^\| {name} \| (\d+) \| ([\d.]+) \| (\d+) \| ([\d.]+) \|",
        WEIGHTS.read_text("utf-8"),
        re.M,
    )
    assert row
    return int(row[1]), float(row[2]), int(row[3]), float(row[4])


def expect_light(page: Page, person: Person, path: str, name: str) -> None:
    """Within the bounds, and as docs/weights.md says: so many requests, and the bytes to 10 %."""
    requests_said, kilobytes_said, requests_said_in_all, kilobytes_said_in_all = written(name)
    wire = Wire(page.context.new_cdp_session(page))
    chat = Chat(page, person.url).open(path)
    page.wait_for_load_state("networkidle")
    expect(chat.composer).to_be_focused()
    requests, size = wire.weight_of(set(page.evaluate(ASKED_BEFORE)))
    assert requests == requests_said <= MOST_REQUESTS
    assert size <= MOST_BYTES
    assert size / 1_000 == pytest.approx(kilobytes_said, rel=TOLERANCE)

    def is_all_there() -> bool:  # a busy machine is idle late
        page.evaluate("0")
        return wire.weight_of()[0] >= requests_said_in_all

    wait_for(is_all_there, what=f"{requests_said_in_all} requests")
    requests, size = wire.weight_of()
    assert requests == requests_said_in_all <= MOST_REQUESTS_IN_ALL
    assert size <= MOST_BYTES_IN_ALL
    assert size / 1_000 == pytest.approx(kilobytes_said_in_all, rel=TOLERANCE)
    for key in wire.sizes:
        response = wire.replies[key]
        assert response["url"].startswith(person.url)
        if "/static/" in response["url"]:
            headers = {name.lower(): value for name, value in response["headers"].items()}
            assert "immutable" in headers["cache-control"]
            assert headers.get("content-encoding") in {"br", "gzip"}


def test_the_first_chat_page_is_light(ann: Person, upstream: Upstream, open_browser: Open) -> None:
    expect_light(open_browser(ann), ann, "/", "new chat")


def test_a_page_with_a_conversation_is_light(
    ann: Person, upstream: Upstream, open_browser: Open
) -> None:
    upstream.play(Script("answer", (ANSWER,)))
    (path,) = begin(ann, "How is tea made?")
    expect_light(open_browser(ann), ann, path, "a conversation")


def test_a_slow_line_and_a_slow_computer_are_no_long_wait(
    ann: Person, upstream: Upstream, open_browser: Open
) -> None:
    """With nothing in the cache."""
    upstream.play(Script("answer", (ANSWER,)))
    (conversation,) = begin(ann, "How is tea made?")
    page = open_browser(ann)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send("Network.emulateNetworkConditions", SLOW)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_CPU})
    for path in ("/", conversation):
        waits: list[float] = []
        while not waits or (min(waits) > MOST_WAIT and len(waits) < TRIES):
            page.goto(ann.url + path)
            waits.append(page.wait_for_function(USABLE).json_value())
        assert min(waits) <= MOST_WAIT, (path, waits)
