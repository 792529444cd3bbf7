"""What the first page weighs on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.people import Open, Person
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

MOST_BYTES = 60_000
MOST_REQUESTS = 12  # until the composer is usable; the rest comes when the page is idle
ASKED_BEFORE = """() => {
  const [usable] = performance.getEntriesByName("usable");
  const resources = performance.getEntriesByType("resource");
  return 1 + resources.filter((resource) => resource.startTime < usable.startTime).length;
}"""


def test_the_first_chat_page_is_light(ann: Person, upstream: Upstream, open_browser: Open) -> None:
    page = open_browser(ann)
    session = page.context.new_cdp_session(page)
    replies: dict[str, dict[str, Any]] = {}
    finished: dict[str, float] = {}
    session.on(
        "Network.responseReceived", lambda event: replies.update({event["requestId"]: event})
    )
    session.on(
        "Network.loadingFinished",
        lambda event: finished.update({event["requestId"]: event["encodedDataLength"]}),
    )
    session.send("Network.enable")
    chat = Chat(page, ann.url).open()
    page.wait_for_load_state("networkidle")
    expect(chat.composer).to_be_focused()
    carried = {key: size for key, size in finished.items() if size}  # the others were preloaded
    assert page.evaluate(ASKED_BEFORE) <= MOST_REQUESTS
    assert sum(carried.values()) <= MOST_BYTES
    for key in carried:
        response = replies[key]["response"]
        assert response["url"].startswith(ann.url)
        if "/static/" in response["url"]:
            headers = {name.lower(): value for name, value in response["headers"].items()}
            assert "immutable" in headers["cache-control"]
            assert headers.get("content-encoding") in {"br", "gzip"}
