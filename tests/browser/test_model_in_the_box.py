"""A real conversation: the site as `make run` starts it without any endpoint, and the model that runs on this machine.

With CHATSITE_PICTURES=1 it also takes the picture of the README.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chat import Chat
from tests.browser.people import ADMINISTRATOR, Open, Person
from tests.processes import ROOT, Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PICTURE = ROOT / "docs" / "pictures" / "chat.png"
DEADLINE = 120_000  # milliseconds: the model is the last to get a busy processor
WORDS = re.compile(r"\w{2,}\W+\w{2,}")
# As a picture needs them; the words that are looked for come long before, and each costs a seventh of a second.
MOST_TOKENS = 60 if os.environ.get("CHATSITE_PICTURES") else 20
LOOK = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}


def test_a_conversation_with_the_model_in_the_box(tmp_path: Path, open_browser: Open) -> None:
    with Site(tmp_path, **ADMINISTRATOR, LOCAL_MODEL="").wait_until_ready() as site:
        chat = Chat(open_browser(Person(site), **LOOK), site.url).open()
        chat.page.route("**/c/", within_bounds)
        chat.send("What is the capital of France?")
        expect(chat.answer).to_have_attribute("data-status", "complete", timeout=DEADLINE)
        expect(chat.body).to_have_text(WORDS)  # it is often wrong, so which words is not asked
        expect(chat.page.get_by_text("9 of 10 requests left today")).to_be_visible()
        chat.send("Name three famous sights there, as a list.")
        expect(chat.answers).to_have_count(2)
        expect(chat.answer).to_have_attribute("data-status", "complete", timeout=DEADLINE)
        expect(chat.body).to_have_text(WORDS)
        if os.environ.get("CHATSITE_PICTURES"):
            take_picture(chat)


def within_bounds(route: Route) -> None:
    """Fixes the sampling of a new conversation: such a small model may go on for ever, and luck is no test."""
    fields = {**(route.request.post_data_json or {}), "max_tokens": MOST_TOKENS, "temperature": 0}
    route.continue_(post_data=json.dumps(fields))


def take_picture(chat: Chat) -> None:
    expect(chat.conversations).to_have_count(1)
    expect(chat.composer).to_be_focused()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    chat.page.screenshot(path=PICTURE, animations="disabled", caret="hide")
