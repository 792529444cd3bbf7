"""A title that a model makes appears where a renamed one would: without a reload, whatever else is being done."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Person, Talk
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser

WANT = "from accounts.models import User; User.objects.filter(username={name!r}).update(model_titles=True)"


def test_it_takes_the_place_of_the_first_line(
    site: Site, ann: Person, upstream: Upstream, talk: Talk
) -> None:
    site.run(WANT.format(name=ann.name))
    upstream.play(
        Script("answer", ("Because.",)), Script("gated", ("Red leaves",), {"headers": "1"})
    )
    chat = talk()
    chat.ask("Why do leaves turn red?")
    page = chat.page
    row = chat.conversations.first
    expect(row).to_have_text("Why do leaves turn red?")
    chat.composer.fill("And in spring?")
    upstream.release()
    expect(row).to_have_text("Red leaves")
    expect(page.locator("h1")).to_have_text("Red leaves")
    expect(page).to_have_title("Red leaves · Chatsite")
    expect(chat.composer).to_have_value("And in spring?")
    expect(chat.composer).to_be_focused()
