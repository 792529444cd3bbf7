"""The chat page as a person sees it: where things are and what one does with them."""

from __future__ import annotations

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect

CONVERSATION = re.compile(r"/c/[0-9a-f-]{36}/")


def until_whole(page: Page) -> None:
    """What a page loads when it is idle has come: shortcuts, drops, the sidebar's manners."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("chat-conversation:not([data-whole])")).to_have_count(0)


class Chat:
    """One page of one browser."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site

    def open(self, path: str = "/") -> Self:
        self.page.goto(self.site + path)
        return self

    def until_whole(self) -> Self:
        until_whole(self.page)
        return self

    @property
    def composer(self) -> Locator:
        return self.page.get_by_label("Message", exact=True)

    @property
    def questions(self) -> Locator:
        return self.page.locator("article[data-role=user]")

    @property
    def answers(self) -> Locator:
        return self.page.locator("article[data-role=assistant]")

    @property
    def answer(self) -> Locator:
        """The last one."""
        return self.answers.last

    @property
    def body(self) -> Locator:
        """The text of the last answer."""
        return self.answer.locator("[data-body]")

    @property
    def stop_button(self) -> Locator:
        return self.page.get_by_role("button", name="Stop answering")

    @property
    def send_button(self) -> Locator:
        return self.page.get_by_role("button", name="Send", exact=True)

    @property
    def conversations(self) -> Locator:
        """The rows of the sidebar."""
        return self.page.get_by_role("navigation", name="Conversations").get_by_role("listitem")

    @property
    def announcer(self) -> Locator:
        return self.page.locator("[data-announcer]")

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.site)

    def send(self, text: str) -> Self:
        self.composer.fill(text)
        self.composer.press("Enter")
        return self

    def expect_status(self, status: str | re.Pattern[str]) -> Self:
        """The last answer has come to that, and the page knows the conversation's address."""
        expect(self.answer).to_have_attribute("data-status", status)
        expect(self.page).to_have_url(CONVERSATION)
        return self

    def ask(self, text: str) -> Self:
        """Send and wait for the whole answer."""
        count = self.answers.count()
        self.send(text)
        expect(self.answers).to_have_count(count + 1)
        return self.expect_status("complete")

    def expect_words(self, text: str | re.Pattern[str]) -> Self:
        expect(self.body).to_contain_text(text)
        return self

    def act(self, name: str) -> Self:
        """Press a button of the last answer."""
        self.answer.get_by_role("button", name=name).click()
        return self
