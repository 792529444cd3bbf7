"""What becomes of an answer that could not be had."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


def test_a_failed_answer_says_why_and_can_be_retried(chat: Chat, upstream: Upstream) -> None:
    upstream.play("401")
    chat.send("A question").expect_status("failed")
    expect(chat.answer).to_contain_text("rejected the site's key")
    expect(chat.questions).to_contain_text("A question")
    chat.act("Retry").expect_status("complete").expect_words("A question")
    expect(chat.questions).to_have_count(1)


def test_a_cut_answer_keeps_what_came(chat: Chat, upstream: Upstream) -> None:
    upstream.play(Script("cut", ("Half of the answer",)))
    chat.send("A question").expect_status("failed").expect_words("Half of the answer")
    expect(chat.answer).to_contain_text("broke off")
    chat.page.reload()
    chat.expect_words("Half of the answer")
