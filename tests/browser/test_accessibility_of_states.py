"""What opens on a page and lies over it, in every light, width and language, pairwise. A site with two models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import until_whole
from tests.browser.conftest import Studio
from tests.browser.looks import Look, check, pairwise
from tests.browser.people import ADMINISTRATOR, Complaints, Person
from tests.browser.test_accessibility import make_presets
from tests.processes import Site
from tests.upstream import Script, Upstream

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Desk:
    """A person with a conversation, an undecided comparison and a role preset; `paths` lead to them."""

    person: Person
    paths: dict[str, str]


@pytest.fixture(scope="module")
def two() -> Iterator[Upstream]:
    with Upstream(models=("amber", "birch")) as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, two: Upstream) -> Iterator[Desk]:
    variables = {**ADMINISTRATOR, "OPENAI_BASE_URL": two.url, "SIGN_IN_LIMITS": "off"}
    with Site(tmp_path_factory.mktemp("states"), **variables) as site:
        person = Person(site.wait_until_ready())
        two.play_as("amber", Script("answer", ("Amber says so, **surely**.",)))
        two.play_as("birch", Script("answer", ("```python\nprint('no', 1)\n```\n",)))
        with person.visitor() as visitor:
            talk = visitor.send("Hot drinks", model="amber")
            list(visitor.events(talk["events"]))
            compared = visitor.send("Which of them?", model="amber", compare=["birch"])
            for one in compared["answers"]:
                list(visitor.events(one["events"]))
            paths = {"talk": talk["url"], "comparison": compared["url"], **make_presets(visitor)}
        pages = {"new": "/", "conversations": "/conversations/", "keys": "/settings/keys/"}
        yield Desk(person, {**pages, **paths})


# --- What opens, and how: without a word of any language -------------------------------------------------------------


def palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()


def parameters(page: Page) -> None:
    page.locator("[data-drawer] summary").click()
    expect(page.locator("[data-drawer] input[type=range]").first).to_be_visible()


def wrong_parameter(page: Page) -> None:
    parameters(page)
    page.locator("[data-drawer] [name=top_p]").fill("5")
    page.locator("[data-drawer] [name=top_p]").press("Enter")
    expect(page.locator("[data-drawer] [aria-invalid=true]").first).to_be_visible()


def slash(page: Page) -> None:
    page.locator("#composer-input").press_sequentially("/")
    expect(page.locator("#slash-menu [role=option]").first).to_be_visible()


def unwrite(page: Page) -> None:
    page.locator("#composer-input").fill("")


def shortcuts(page: Page) -> None:
    page.keyboard.press("Control+/")
    expect(page.locator("dialog[open]")).to_be_visible()


def compare(page: Page) -> None:
    page.locator(".compare summary").click()
    expect(page.locator(".compare-panel")).to_be_visible()
    page.locator(".compare-panel input:not(:checked)").first.check()


def row_menu(page: Page) -> None:
    if page.locator(".topbar-menu").is_visible():
        page.locator(".topbar-menu").click()
    page.locator(".row-more[role]").first.click()
    page.locator("[role=dialog] [data-row-menu] summary").nth(1).click()
    expect(page.locator("#row-folder")).to_be_visible()


def undo(page: Page) -> None:
    row_menu(page)
    page.locator("[role=dialog] [data-row-menu] form[data-toast] button").first.click()
    expect(page.locator(".toast button")).to_be_visible()


def take_back(page: Page) -> None:
    page.locator(".toast button").click()
    expect(page.locator(".toast")).to_have_count(0)


def deleted(page: Page) -> None:
    selection(page)
    page.locator(".overview-actions [value=delete]").click()
    expect(page.locator("#recently-deleted li")).to_have_count(1)


def restore(page: Page) -> None:
    page.locator("#recently-deleted li button").click()
    expect(page.locator("#recently-deleted")).to_have_count(0)


def undecided(page: Page) -> None:
    expect(page.locator("[data-comparison] article")).to_have_count(2)


def selection(page: Page) -> None:
    page.locator(".overview-rows input").first.check()


def wrong_preset(page: Page) -> None:
    page.locator("main form [name=name]").evaluate("field => field.removeAttribute('required')")
    page.locator("main form [name=name]").fill("")
    page.locator("main form [name=name]").press("Enter")
    expect(page.locator("main [role=alert]:not([hidden])")).to_be_visible()


def key_form(page: Page) -> None:
    if not page.locator("[name=name]").is_visible():
        page.locator(".key-form > summary").click()
    page.locator("[name=name]").fill("A script")


def new_key(page: Page) -> None:
    key_form(page)
    page.locator("[name=name]").press("Enter")
    expect(page.locator("#new-key")).to_be_focused()


def wrong_key(page: Page) -> None:
    key_form(page)
    page.locator(".key-limits > summary").click()
    page.locator("[name=money_per_month]").fill("much")
    page.locator("[name=scopes]").first.uncheck()
    page.locator("[name=name]").press("Enter")
    expect(page.locator("[name=money_per_month][aria-invalid=true]")).to_be_visible()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "compare": ("new", compare),
    "deleted": ("conversations", deleted),
    "new-key": ("keys", new_key),
    "palette": ("talk", palette),
    "parameters": ("talk", parameters),
    "row-menu": ("new", row_menu),
    "selection": ("conversations", selection),
    "shortcuts": ("new", shortcuts),
    "slash": ("new", slash),
    "undecided": ("comparison", undecided),
    "undo": ("new", undo),
    "wrong-key": ("keys", wrong_key),
    "wrong-parameter": ("new", wrong_parameter),
    "wrong-preset": ("preset-own", wrong_preset),
}
# What leaves the desk as the next look needs it.
AFTERWARDS = {"deleted": restore, "slash": unwrite, "undo": take_back}


@pairwise(STATES)
def test_what_opens_on_a_page(
    desk: Desk, studio: Studio, complaints: Complaints, look: Look, name: str
) -> None:
    if name in {"wrong-key", "wrong-preset"}:
        complaints.expect("400")
    path, opened = STATES[name]
    page = studio(look, desk.person, desk.person.url)
    page.goto(desk.person.url + desk.paths[path])
    until_whole(page)
    opened(page)
    check(page)
    if name in AFTERWARDS:
        AFTERWARDS[name](page)
