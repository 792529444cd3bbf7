"""A real conversation: the site as `make run` starts it without any endpoint, and the model that runs on this machine.

With CHATSITE_PICTURES=1 it also takes the picture of the README.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.conftest import ROOT
from tests.browser.people import Open, Person
from tests.processes import ROOT as CHECKOUT
from tests.processes import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PICTURE = CHECKOUT / "docs" / "pictures" / "chat.png"
DEADLINE = 120_000  # milliseconds: the model is the last to get a busy processor
LOOK = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}


def test_a_conversation_with_the_model_in_the_box(tmp_path: Path, open_browser: Open) -> None:
    with Site(tmp_path, **ROOT, LOCAL_MODEL="").wait_until_ready() as site:
        chat = Chat(open_browser(Person(site), **LOOK), site.url).open()
        chat.send("What is the capital of France?")
        expect(chat.answer).to_have_attribute("data-status", "complete", timeout=DEADLINE)
        expect(chat.body).to_contain_text("Paris")
        expect(chat.page.get_by_text("9 of 10 requests left today")).to_be_visible()
        chat.send("Name two famous sights there, in one sentence.")
        expect(chat.answers).to_have_count(2)
        expect(chat.answer).to_have_attribute("data-status", "complete", timeout=DEADLINE)
        expect(chat.body).not_to_be_empty()
        if os.environ.get("CHATSITE_PICTURES"):
            take_picture(chat)


def take_picture(chat: Chat) -> None:
    expect(chat.conversations).to_have_count(1)
    expect(chat.composer).to_be_focused()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    chat.page.screenshot(path=PICTURE, animations="disabled", caret="hide")
