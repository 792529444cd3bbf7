"""Installed and offline: the browser finds nothing wrong, and keeps no word of a conversation."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat, until_whole
from tests.browser.looks import check
from tests.browser.people import Complaints, Open, Person, Talk, sign_in
from tests.processes import wait_for
from tests.upstream import Upstream

pytestmark = pytest.mark.browser

SECRET = "Xylophone-4711"
WORKER = {"service_workers": "allow"}
READY = "navigator.serviceWorker.ready.then(() => true)"
CACHED = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found.push([new URL(request.url).pathname, await (await cache.match(request)).text()]);
    }
  }
  return found;
}"""


def cached(page: Page) -> dict[str, str]:
    """Everything in every cache of the worker: text by path."""
    return dict(page.evaluate(CACHED))


def go_offline(chat: Chat, complaints: Complaints) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED", "navigation preload")
    assert chat.page.evaluate(READY)
    chat.page.context.set_offline(True)


def test_the_site_can_be_installed(talk: Talk) -> None:
    chat = talk(**WORKER)
    assert chat.page.evaluate(READY)
    session = chat.page.context.new_cdp_session(chat.page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A test's browser is an incognito one, which is the only thing that may be wrong.
    assert {error["errorId"] for error in found} <= {"in-incognito"}


def test_no_cache_holds_a_conversation(ann: Person, upstream: Upstream, open_browser: Open) -> None:
    chat = Chat(open_browser(ann, **WORKER), ann.url).open()
    assert chat.page.evaluate(READY)
    chat.ask(f"Keep {SECRET} to yourself")
    chat.page.reload()
    chat.expect_words(SECRET)
    found = cached(chat.page)
    assert "/offline/" in found
    for path, text in found.items():
        assert path == "/offline/" or re.fullmatch(r"/static/.*\.[0-9a-f]{12}\.\w+", path), path
        assert SECRET not in text
        assert ann.name not in text


def test_signing_out_leaves_nothing_to_go_back_to(talk: Talk) -> None:
    chat = talk(**WORKER)
    chat.ask(f"Keep {SECRET} to yourself")
    chat.page.locator(".account-menu summary").click()
    chat.page.get_by_role("button", name="Sign out").click()
    expect(chat.page.get_by_role("heading", name="Sign in")).to_be_visible()
    chat.page.go_back()
    expect(chat.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(chat.page.get_by_text(SECRET)).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "heading"), [("en-US", "No connection"), ("zh-CN", None)], ids=["en", "zh"]
)
def test_the_offline_page(
    talk: Talk, complaints: Complaints, locale: str, heading: str | None
) -> None:
    chat = talk(**WORKER, locale=locale, viewport={"width": 360, "height": 740})
    page = chat.page
    go_offline(chat, complaints)
    page.goto(f"{chat.site}/presets/")
    language = "en" if heading else "zh-hans"
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".offline-words:visible")).to_have_count(1)
    if heading:
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    check(page)
    # It comes back by itself, to the page that was asked for.
    page.context.set_offline(False)
    expect(page.locator(".offline-words")).to_have_count(0)
    expect(page).to_have_url(f"{chat.site}/presets/")


@pytest.mark.parametrize("character", ["茶", "🍵"])
def test_a_long_text_is_shared_to_the_composer_also_by_the_signed_out(
    ann: Person, open_browser: Open, complaints: Complaints, character: str
) -> None:
    complaints.expect("401")
    text = character * 4_000
    chat = Chat(open_browser(), ann.url).open(f"/?{urlencode({'q': text})}")
    expect(chat.page.get_by_role("heading", name="Sign in first")).to_be_visible()
    chat.page.get_by_role("link", name="Start page").click()
    sign_in(chat.page, ann)
    expect(chat.composer).to_have_value("")
    for _ in ("the sign-in", "the page before it"):
        chat.page.go_back()
    chat.page.reload()
    expect(chat.composer).to_have_value(text)


def test_a_shared_text_that_is_far_too_long_is_cut_and_says_so(talk: Talk) -> None:
    chat = talk()
    chat.open(f"/?{urlencode({'q': '茶' * 80_000})}")
    expect(chat.composer).to_have_value("茶" * 4_000)
    expect(chat.page.get_by_role("alert").filter(has_text="this is its beginning")).to_be_visible()
    check(chat.page)


def test_a_draft_is_there_after_being_offline(talk: Talk, complaints: Complaints) -> None:
    chat = talk(**WORKER)
    chat.composer.fill("Half a thought")
    go_offline(chat, complaints)
    chat.page.reload()
    retry = chat.page.get_by_role("link", name="Try again")
    expect(retry).to_be_visible()
    chat.page.context.set_offline(False)
    expect(chat.composer).to_have_value("Half a thought")


def test_the_chat_says_that_the_connection_is_gone(talk: Talk, complaints: Complaints) -> None:
    chat = talk()
    chat.until_whole()
    line = chat.page.locator("[data-connection]")
    expect(line).to_be_hidden()
    chat.page.context.set_offline(True)
    expect(line).to_have_text("No connection. What you write is kept.")
    check(chat.page)
    chat.page.context.set_offline(False)
    expect(line).to_be_hidden()


def open_without_sidebar(page: Page, url: str, error: str) -> None:
    page.route("**/sidebar.*.js", lambda route: route.abort(error))
    with page.expect_event("requestfailed"):
        page.goto(url)
    page.unroute_all()
    expect(page.locator("chat-sidebar:defined")).to_have_count(0)


def test_a_part_of_the_page_that_was_lost_comes_with_the_connection(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    page = open_browser(ann)
    open_without_sidebar(page, ann.url, "internetdisconnected")
    page.wait_for_function(
        "() => dispatchEvent(new Event('online')) && customElements.get('chat-sidebar') !== undefined"
    )


def test_a_part_of_the_page_that_was_lost_comes_after_a_while(
    ann: Person, open_browser: Open, complaints: Complaints
) -> None:
    """Where the browser does not notice that its line was gone."""
    complaints.expect("ERR_CONNECTION_RESET")
    page = open_browser(ann)
    page.clock.install()
    open_without_sidebar(page, ann.url, "connectionreset")

    def is_there() -> bool:
        page.clock.run_for(1_000)
        return page.locator("chat-sidebar:defined").count() == 1

    wait_for(is_there, what="the sidebar's script")
    until_whole(page)
