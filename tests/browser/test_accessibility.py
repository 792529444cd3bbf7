"""Every page with a template of ours, in light and dark, wide and narrow: axe finds nothing, nothing sticks out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Complaints, Open, Person
from tests.processes import Site, wait_for
from tests.upstream import Script, Upstream
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
NARROWEST = 320

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
class Look:
    scheme: str
    width: int
    language: str = "en"

    @property
    def options(self) -> dict[str, Any]:
        return {
            "color_scheme": self.scheme,
            "viewport": {"width": self.width, "height": 800},
            "locale": "zh-CN" if self.language == "zh-hans" else "en-US",
            "reduced_motion": "reduce",
        }


WIDE = pytest.param(Look("light", 1280), id="light-1280")
NARROW = pytest.param(Look("dark", 360), id="dark-360")
CHINESE = pytest.param(Look("light", 360, "zh-hans"), id="chinese-360")
CHINESE_WIDE = pytest.param(Look("dark", 1280, "zh-hans"), id="chinese-dark-1280")
looks = pytest.mark.parametrize("look", [WIDE, NARROW])
all_looks = pytest.mark.parametrize("look", [WIDE, NARROW, CHINESE, CHINESE_WIDE])


def check(page: Page) -> None:
    """The page as it is now."""
    expect(page.locator("main").first).to_be_visible()
    results = Axe().run(page, options=OPTIONS)
    assert results.violations_count == 0, results.generate_report()
    expect_no_overflow(page)
    if page.viewport_size and page.viewport_size["width"] < 400:
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        expect_no_overflow(page)


def expect_no_overflow(page: Page) -> None:
    sizes = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scroll_width, client_width = page.evaluate(sizes)
    assert scroll_width <= client_width


# --- Anonymous -------------------------------------------------------------------------------------------------------

ANONYMOUS = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "password-reset-done": "/accounts/password/reset/done/",
    "password-reset-bad-key": "/accounts/password/reset/key/1-abc-def/",
    "password-reset-from-key-done": "/accounts/password/reset/key/done/",
    "verification-sent": "/accounts/confirm-email/",
    "confirm-bad-key": "/accounts/confirm-email/nothing/",
    "inactive": "/accounts/inactive/",
}


@pytest.mark.parametrize("path", ANONYMOUS.values(), ids=ANONYMOUS.keys())
@looks
def test_anonymous_pages(site: Site, open_browser: Open, look: Look, path: str) -> None:
    page = open_browser(**look.options)
    page.goto(site.url + path)
    check(page)


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
@pytest.mark.parametrize("look", [CHINESE, CHINESE_WIDE])
def test_the_door_in_chinese(site: Site, open_browser: Open, look: Look, path: str) -> None:
    page = open_browser(**look.options)
    page.goto(site.url + path)
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    check(page)


@looks
def test_a_form_with_errors(site: Site, open_browser: Open, look: Look) -> None:
    page = open_browser(**look.options)
    page.goto(f"{site.url}/accounts/signup/")
    page.get_by_label("User name").fill("root")
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("Password (again)").fill("87654321")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    check(page)


@looks
def test_password_reset_from_key(site: Site, ann: Person, open_browser: Open, look: Look) -> None:
    with Visitor(site.url) as visitor:
        visitor.submit("/accounts/password/reset/", {"email": ann.email})
    written = re.compile(rf"To: {ann.email}.*?(/accounts/password/reset/key/\S+)", re.S)
    found = wait_for(lambda: written.search(site.text), what="the mail")
    assert found is not None
    page = open_browser(**look.options)
    page.goto(site.url + found[1])
    expect(page.get_by_label("New Password", exact=True)).to_be_visible()
    check(page)


@looks
def test_not_found(site: Site, open_browser: Open, complaints: Complaints, look: Look) -> None:
    complaints.expect("404")
    page = open_browser(**look.options)
    page.goto(f"{site.url}/no-such-page/")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    check(page)


@looks
def test_a_form_that_is_too_old(
    site: Site, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("403")
    page = open_browser(**look.options)
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("User name or e-mail address").fill("ann")
    page.get_by_label("Password").fill("whatever")
    page.context.clear_cookies()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="This page is too old")).to_be_visible()
    check(page)


# --- Signed in -------------------------------------------------------------------------------------------------------


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
            return str(sent["completion"])

        converse("rich", Script("answer", (RICH,)), "complete")
        converse("reasoning", Script("reasoning", ("Done.",)), "complete")
        converse("failed", Script("401"), "failed")
        key = converse("cut", Script("cut", ("Half of it",)), "failed")
        visitor.post(f"/completions/{key}/regenerate/")
    return Prepared(person, {**SIGNED_IN, **paths, "delete": f"{paths['rich']}delete/"})


SIGNED_IN = {
    "chat": "/",
    "presets": "/presets/",
    "profile": "/settings/profile/",
    "security": "/settings/security/",
    "sessions": "/settings/sessions/",
    "logout": "/accounts/logout/",
    "password-change": "/accounts/password/change/",
    "email": "/accounts/email/",
    "reauthenticate": "/accounts/reauthenticate/",
    "delete-all": "/conversations/delete-all/",
}
PREPARED = ("rich", "reasoning", "failed", "cut", "delete")


@pytest.mark.parametrize("name", [*SIGNED_IN, *PREPARED])
@looks
def test_pages_of_a_person(
    prepared: Prepared, open_browser: Open, complaints: Complaints, look: Look, name: str
) -> None:
    page = open_browser(prepared.person, **look.options)
    page.goto(prepared.person.url + prepared.paths[name])
    for details in page.locator("[data-reasoning] summary").all():
        details.click()
    check(page)


@pytest.mark.parametrize("name", ["chat", "rich", "presets", "profile", "delete"])
@pytest.mark.parametrize("look", [CHINESE, CHINESE_WIDE])
def test_main_pages_in_chinese(
    prepared: Prepared, open_browser: Open, look: Look, name: str
) -> None:
    page = open_browser(prepared.person, **look.options)
    page.context.add_cookies(
        [{"name": "django_language", "value": look.language, "url": prepared.person.url}]
    )
    page.goto(prepared.person.url + prepared.paths[name])
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    check(page)


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
def test_open_menus_and_the_sidebar(prepared: Prepared, open_browser: Open, look: Look) -> None:
    page = open_browser(prepared.person, **look.options)
    page.goto(prepared.person.url + prepared.paths["rich"])
    if look.width < 960:
        page.get_by_role("link", name="Open the sidebar").click()
    page.locator(".account-menu summary").click()
    check(page)
    page.keyboard.press("Escape")
    row = page.get_by_role("navigation", name="Conversations").get_by_role("listitem").first
    row.locator("summary").click()
    check(page)
    row.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page)


@looks
def test_refusals(
    ann: Person, upstream: Upstream, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    """Too long for a message, then too long for any form."""
    complaints.expect("413")
    chat = Chat(open_browser(ann, **look.options), ann.url).open()
    chat.send("x" * 300_000)
    expect(chat.page.get_by_role("alert").first).to_contain_text("the limit is 262144")
    check(chat.page)
    chat.page.goto(f"{ann.url}/settings/profile/")
    chat.page.get_by_label("Custom instructions").evaluate(
        "area => { area.removeAttribute('maxlength'); area.value = 'x'.repeat(2e6); }"
    )
    chat.page.get_by_role("button", name="Save").click()
    expect(chat.page.get_by_role("heading", name="That is too long")).to_be_visible()
    check(chat.page)


# --- A site without an administrator ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Nobody is there yet, and the limits at the door are on."""
    with Site(tmp_path_factory.mktemp("fresh")) as running:
        yield running.wait_until_ready()


def setup_path(site: Site) -> str:
    found = wait_for(lambda: re.search(r"(/setup/\S+)", site.text), what="the setup link")
    assert found is not None
    return found[1]


Where = Callable[[Site], str]
FRESH: dict[str, Where] = {
    "setup": setup_path,
    "setup-link-over": lambda _site: "/setup/not-a-token/",
    "signup-closed": lambda _site: "/accounts/signup/",
    "login": lambda _site: "/accounts/login/",
}


@pytest.mark.parametrize("where", FRESH.values(), ids=FRESH.keys())
@all_looks
def test_pages_before_the_administrator(
    fresh_site: Site, open_browser: Open, complaints: Complaints, look: Look, where: Where
) -> None:
    complaints.expect("404", "403")
    page = open_browser(**look.options)
    page.goto(fresh_site.url + where(fresh_site))
    check(page)


@looks
def test_too_many_attempts(
    fresh_site: Site, open_browser: Open, complaints: Complaints, look: Look
) -> None:
    complaints.expect("429")
    page = open_browser(**look.options)
    heading = page.get_by_role("heading", level=1)
    for _ in range(30):
        page.goto(f"{fresh_site.url}/accounts/password/reset/")
        if "Too many" in heading.inner_text():
            break
        page.get_by_label("mail").fill("nobody@example.org")
        page.get_by_role("button", name="Send the link").click()
        page.wait_for_url("**/reset/**")
        if "Too many" in heading.inner_text():
            break
    expect(heading).to_have_text("Too many attempts")
    check(page)
