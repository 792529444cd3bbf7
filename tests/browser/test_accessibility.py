"""Every page of a person, in every light, width and language, pairwise: axe finds nothing, nothing sticks out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import expect

from tests.browser.chat import Chat, until_whole
from tests.browser.conftest import Studio
from tests.browser.looks import Look, check, check_in_turn, looks, pairwise_in_turn
from tests.browser.people import Complaints, Open, Person
from tests.processes import Site
from tests.upstream import Script, Upstream
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

RICH = """# A heading

Some **bold**, *leaning* and ~~wrong~~ text, `code`, and [a link](https://example.org/).

## Lists

1. one
2. two
   - nested
   - [x] done
   - [ ] open

> A quotation.

| name | a rather long heading | number |
|:-----|:---------------------:|-------:|
| tea  | green, black, white and oolong | 12 |
| coffee | beans | 1,024 |

```python
@decorated
def greet(name: str = "world") -> None:  # a comment that runs on and on, far beyond what a telephone shows
    print(f"Hello, {name}", 42, None)
```

$$\\sum_{n=1}^{\\infty} \\frac{1}{n^2} = \\frac{\\pi^2}{6}$$

A_very_long_word_without_any_place_to_break_it_that_goes_on_and_on_and_on_and_on_and_on.

---

![a picture](https://example.org/picture.png)
"""


@dataclass(frozen=True)
class Prepared:
    """A person with conversations of each kind; `paths` by what there is to see."""

    person: Person
    paths: dict[str, str]


@pytest.fixture(scope="module")
def prepared(site: Site, endpoint: Upstream) -> Prepared:
    endpoint.reset()
    person = Person(site)
    paths = {}
    with person.visitor() as visitor:

        def converse(name: str, script: Script, status: str) -> str:
            endpoint.play(script)
            sent = visitor.send(f"A question about {name}, with some words in it")
            *_, last = visitor.events(sent["events"])
            assert last.data["status"] == status
            paths[name] = sent["url"]
            paths["receipt"] = f"/messages/{sent['answer']}/receipt/"
            return str(sent["completion"])

        converse("reasoning", Script("reasoning", ("Done.",)), "complete")
        converse("failed", Script("401"), "failed")
        key = converse("cut", Script("cut", ("Half of it",)), "failed")
        visitor.post(f"/completions/{key}/regenerate/")
        converse("rich", Script("answer", (RICH,)), "complete")
        paths |= order_and_label(visitor, paths["reasoning"])
        paths |= make_presets(visitor)
        paths |= make_keys(visitor)
        visitor.http.post("/token", json={"u": person.name, "p": person.password})
    return Prepared(person, {**SIGNED_IN, **paths, "menu": f"{paths['rich']}menu/"})


def order_and_label(visitor: Visitor, conversation: str) -> dict[str, str]:
    """One conversation in a folder, with a tag and pinned; a list for each, and an archive that has something in it."""
    for kind in ("folder", "tags"):
        fields = {"name": "Very long words, \u202eso that they have to be folded"[:40]}
        visitor.submit("/conversations/", fields, to=f"{conversation}{kind}/")
    visitor.submit("/conversations/", {"value": "true"}, to=f"{conversation}pin/")
    listed = visitor.http.get("/conversations/").text
    labels = {kind: re.findall(rf"\?{kind}=[0-9a-f-]+", listed)[0] for kind in ("folder", "tag")}
    archived = visitor.send("An archived question")
    list(visitor.events(archived["events"]))
    visitor.submit("/conversations/", {"value": "true"}, to=f"{archived['url']}archive/")
    return {
        "in-folder": f"/conversations/{labels['folder']}",
        "with-tag": f"/conversations/{labels['tag']}",
        "found-nothing": "/conversations/?q=nothing+like+this",
    }


def make_presets(visitor: Visitor) -> dict[str, str]:
    """One of the person's own in two versions that differ, and one of the site's."""
    fields = {
        "turns-TOTAL_FORMS": "1",
        "turns-INITIAL_FORMS": "0",
        "name": "Tutor",
        "icon": "🦉",
        "description": "Asks instead of telling.",
        "instruction": "Teach {{topic}}.\nAsk first.",
        "temperature": "0.7",
    }
    own = visitor.submit("/presets/new/", fields).url.path
    visitor.submit(own, {**fields, "instruction": "Teach {{topic}}.\nTell at last.", "icon": ""})
    site_s = set(re.findall(r"/presets/[0-9a-f-]{36}/", visitor.http.get("/presets/").text)) - {own}
    return {
        "preset-own": own,
        "preset-versions": f"{own}versions/",
        "preset-delete": f"{own}delete/",
        "preset-of-the-site": min(site_s),
        "role-with-variables": f"/?preset={own.split('/')[2]}",
    }


def make_keys(visitor: Visitor) -> dict[str, str]:
    """Two that are valid, one of them with all there is to say, and one that is revoked."""
    plain = {"scopes": "chat", "expires": "never"}
    limits = {"requests_per_day": "1000000", "tokens_per_day": "1" * 18, "money_per_month": "0.5"}
    everything: dict[str, Any] = {"scopes": ["chat", "audio", "read", "write"], "expires": "90"}
    for fields in (
        {**plain, "name": "Revoked"},
        {**plain, "name": "An_extremely_long_name_without_any_place_to_break_it_at_all."},
        {**everything, **limits, "name": "Server"},
    ):
        page = visitor.submit("/settings/keys/", fields).text
        revoke = re.findall(r"/settings/keys/[0-9a-f-]{36}/revoke/", page)[0]
        if fields["name"] == "Revoked":
            visitor.submit(revoke, {})
    return {"key-revoke": revoke}


SIGNED_IN = {
    "chat": "/",
    "presets": "/presets/",
    "preset-new": "/presets/new/",
    "preset-import": "/presets/import/",
    "presets-found": "/presets/?q=translat",
    "conversations": "/conversations/",
    "archive": "/conversations/?archived=1",
    "shortcuts": "/shortcuts/",
    "profile": "/settings/profile/",
    "appearance": "/settings/appearance/",
    "security": "/settings/security/",
    "sessions": "/settings/sessions/",
    "activity": "/settings/activity/",
    "keys": "/settings/keys/",
    "data": "/settings/data/",
    "usage": "/usage/",
    "data-delete": "/settings/data/delete/",
    "logout": "/accounts/logout/",
    "password-change": "/accounts/password/change/",
    "email": "/accounts/email/",
    "reauthenticate": "/accounts/reauthenticate/",
    "delete-all": "/conversations/delete-all/",
}
# What is there only when it has been prepared, and the view that shows it.
PREPARED = {
    **dict.fromkeys(("rich", "reasoning", "failed", "cut"), "conversations:conversation"),
    "menu": "conversations:menu",
    "receipt": "conversations:receipt",
    **dict.fromkeys(("in-folder", "with-tag", "found-nothing"), "conversations:overview"),
    **dict.fromkeys(("preset-own", "preset-of-the-site"), "conversations:preset"),
    "preset-versions": "conversations:preset-versions",
    "preset-delete": "conversations:preset-delete",
    "key-revoke": "accounts:key-revoke",
    "role-with-variables": "conversations:new",
}


def view_name(path: str) -> str:
    return resolve(urlsplit(path).path).view_name


@pairwise_in_turn([*SIGNED_IN, *PREPARED])
def test_pages_of_a_person(
    prepared: Prepared, studio: Studio, in_turn: tuple[Look, ...], name: str
) -> None:
    path = prepared.paths[name]
    assert view_name(path) == PREPARED.get(name, view_name(path))
    page = studio(in_turn[0], prepared.person, prepared.person.url)
    page.goto(prepared.person.url + path)
    expect(page.locator("html")).to_have_attribute("lang", in_turn[0].language)
    opened = ":is([data-reasoning], .keys-ended, .usage-days) > summary"
    for details in page.locator(opened).all():
        details.click()
    check_in_turn(page, in_turn)


@looks
def test_a_running_answer(ann: Person, upstream: Upstream, open_browser: Open, look: Look) -> None:
    chat = Chat(open_browser(ann, **look.options), ann.url).open()
    upstream.play(Script("gated", (RICH, "more")))
    chat.send("Tell me everything")
    chat.expect_status("running").expect_words("A quotation")
    expect(chat.stop_button).to_be_visible()
    check(chat.page)
    chat.page.reload()
    chat.expect_words("A quotation")
    check(chat.page)


@looks
def test_open_menus_and_the_sidebar(prepared: Prepared, studio: Studio, look: Look) -> None:
    page = studio(look, prepared.person, prepared.person.url)
    page.goto(prepared.person.url + prepared.paths["rich"])
    until_whole(page)
    if look.width < 960:
        page.get_by_role("link", name="Open the sidebar").click()
    page.locator(".account-menu summary").click()
    check(page)
    page.keyboard.press("Escape")
    row = page.get_by_role("navigation", name="Conversations").get_by_role("listitem").first
    row.get_by_role("button", name="Actions").click()
    page.get_by_role("dialog").get_by_text("Rename").click()
    expect(page.get_by_role("dialog").get_by_label("Title")).to_be_visible()
    check(page)


@looks
def test_refusals(
    ann: Person, upstream: Upstream, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    """Too long for a message, then too long for any form."""
    complaints.expect("413")
    chat = Chat(open_browser(ann, **look.options), ann.url).open()
    chat.send("x" * 21_000)
    expect(chat.page.get_by_role("alert").first).to_contain_text("the limit is 20000")
    check(chat.page)
    chat.page.goto(f"{ann.url}/settings/profile/")
    chat.page.get_by_label("Custom instructions").evaluate(
        "area => { area.removeAttribute('maxlength'); area.value = 'x'.repeat(2e5); }"
    )
    chat.page.get_by_role("button", name="Save").click()
    expect(chat.page.get_by_role("heading", name="That is too long")).to_be_visible()
    check(chat.page)
