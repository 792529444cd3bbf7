"""Chromium, the site it looks at, and people who are signed in. Whatever the browser complains of fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import Chat
from tests.browser.looks import Look, wear
from tests.browser.people import ADMINISTRATOR, Complaints, Open, Person, Talk
from tests.processes import Site
from tests.upstream import Upstream

PATIENCE = 30_000  # milliseconds, for what takes a moment on an idle machine
BROWSERS = ("chromium-headless-shell", "chromium")  # as in scripts/bootstrap.py
SPOKEN = Path(__file__).parent / "spoken.wav"  # WORDS of test_dictation.py, by the voice in the box
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # which then only puts pixels together: a process less to talk with
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",  # a microphone that plays SPOKEN again and again
    "--use-fake-ui-for-media-stream",  # which every page may use
    f"--use-file-for-fake-audio-capture={SPOKEN}",
    "--js-flags=--no-maglev --no-opt",  # a page of a test is gone before code made faster pays
]
VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`Policy violated: ${event.violatedDirective} ${event.blockedURI}`);
});
"""

NewContext = Callable[..., BrowserContext]
Studio = Callable[[Look, Person | None, str], Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    expect.set_options(timeout=PATIENCE)
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return {**browser_type_launch_args, "executable_path": found, "args": FLAGS}


# --- The site --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def upstream(endpoint: Upstream) -> Upstream:
    """The scripted endpoint behind the site, with nothing of earlier tests in it."""
    endpoint.reset()
    return endpoint


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream) -> Iterator[Site]:
    variables = {
        **ADMINISTRATOR,
        "OPENAI_BASE_URL": endpoint.url,
        "TRANSCRIPTION_MODEL": "whisper-1",
        "SIGN_IN_LIMITS": "off",
        "MESSAGE_MAX_BYTES": "20000",
        "SPEECH_MODEL": "tts-1",
    }
    with Site(tmp_path_factory.mktemp("site"), **variables) as running:
        yield running.wait_until_ready()


# --- People ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ann(site: Site) -> Person:
    """A new person on the plan that everyone begins with: ten requests a day."""
    return Person(site)


# --- Browsers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert not found.unexpected


@pytest.fixture
def open_browser(new_context: NewContext, complaints: Complaints) -> Open:
    """`open_browser(person, **options of a context)` is an empty page of a browser of its own.

    Without the service worker, whose requests a test cannot hold up; its own tests allow it.
    """

    def opened(person: Person | None = None, **options: Any) -> Page:
        context = new_context(**{"locale": "en-US", "service_workers": "block", **options})
        context.set_default_timeout(PATIENCE)
        context.on("console", complaints.on_console)
        context.on("weberror", lambda error: complaints.heard.append(str(error.error)))
        if options.get("java_script_enabled", True):
            context.add_init_script(VIOLATIONS)
        if person is not None:
            context.add_cookies(person.cookies)
        return context.new_page()

    return opened


@pytest.fixture
def talk(open_browser: Open, ann: Person, upstream: Upstream) -> Talk:
    """`talk(**options)` is a new chat in a browser of its own, signed in as ann."""

    def started(**options: Any) -> Chat:
        return Chat(open_browser(ann, **options), ann.url).open()

    return started


@pytest.fixture
def chat(talk: Talk) -> Chat:
    return talk()


@pytest.fixture(scope="module")
def kept_pages() -> Iterator[dict[object, Page]]:
    pages: dict[object, Page] = {}
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.fixture
def studio(
    browser: Browser, kept_pages: dict[object, Page], complaints: Complaints
) -> Iterator[Studio]:
    """`studio(look, person, url)` is a page in that look. A module keeps one for each person and language."""
    listening: list[BrowserContext] = []

    def shown(look: Look, person: Person | None, url: str) -> Page:
        key = (url, person, look.language)
        if key not in kept_pages:
            kept_pages[key] = prepare(browser, look, person, url)
        page = kept_pages[key]
        page.context.on("console", complaints.on_console)
        listening.append(page.context)
        wear(page, look)
        return page

    yield shown
    for context in listening:
        context.remove_listener("console", complaints.on_console)


def prepare(browser: Browser, look: Look, person: Person | None, url: str) -> Page:
    context = browser.new_context(**look.options, service_workers="block")
    context.set_default_timeout(PATIENCE)
    context.add_cookies(
        [
            {"name": "django_language", "value": look.language, "url": url},
            *(person.cookies if person else ()),
        ]
    )
    context.add_init_script(VIOLATIONS)
    context.add_init_script(AXE_SCRIPT)  # read once for all its pages, which are all checked
    return context.new_page()
