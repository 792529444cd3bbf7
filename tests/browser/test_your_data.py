"""The page about one's own data, in a browser without scripts, from a real server."""

from __future__ import annotations

import zipfile

import pytest

from tests.browser.people import Open, Person
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


def test_everything_is_downloaded(ann: Person, upstream: Upstream, open_browser: Open) -> None:
    upstream.play(Script("answer", ("An answer to keep.",)))
    with ann.visitor() as visitor:
        for _ in range(2):
            sent = visitor.send("../A question")
            list(visitor.events(sent["events"]))
    page = open_browser(ann, java_script_enabled=False)
    page.goto(f"{ann.url}/settings/profile/")
    page.get_by_role("link", name="Your data").click()
    for _ in range(2):
        with page.expect_download() as started:
            page.get_by_role("button", name="Download").click()
        archive = zipfile.ZipFile(started.value.path())
        assert archive.testzip() is None
        names = archive.namelist()
        assert [name for name in names if name.endswith(".md")] == [
            "conversations/00001 A question.md",
            "conversations/00002 A question.md",
        ]
        assert "An answer to keep." in archive.read("conversations/00001 A question.md").decode()
