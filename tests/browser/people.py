"""People with accounts, the browsers they open, and what those browsers complain of."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.chat import Chat
from tests.processes import Site
from tests.visitor import Visitor

ADMINISTRATOR = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_PASSWORD": "correct horse battery",
    "DJANGO_SUPERUSER_EMAIL": "root@example.org",
}
PASSWORD = "a long pass phrase"
TOKEN = "a" * 32

Open = Callable[..., Page]
Talk = Callable[..., Chat]

_numbers = itertools.count(1)


class Person:
    """Somebody with an account, signed in; the cookies can be put into any number of browsers."""

    def __init__(self, site: Site, name: str = "") -> None:
        self.name = name or f"ann{next(_numbers)}"
        self.password = PASSWORD
        self.url = site.url
        self.email = f"{self.name}@example.org"
        fields = {"username": self.name, "email": self.email}
        with Visitor(site.url) as visitor:
            # Neither the form nor the page afterwards is looked at: tests of signing up do.
            visitor.http.follow_redirects = False
            visitor.http.cookies.set("csrftoken", TOKEN, domain=visitor.http.base_url.host)
            passwords = {"password1": PASSWORD, "password2": PASSWORD}
            reply = visitor.http.post(
                "/accounts/signup/", data={"csrfmiddlewaretoken": TOKEN, **fields, **passwords}
            )
            assert reply.headers.get("Location") == "/", reply.text
            self.cookies: list[SetCookieParam] = [
                {"name": name, "value": value, "url": site.url}
                for name, value in visitor.http.cookies.items()
            ]

    def visitor(self) -> Visitor:
        """The same person without a browser: quick, to prepare what a browser looks at."""
        visitor = Visitor(self.url)
        host = visitor.http.base_url.host  # as the site's own answers set them: no second of a name
        for cookie in self.cookies:
            visitor.http.cookies.set(cookie["name"], cookie["value"], domain=host)
        return visitor


def administrator_cookies(url: str) -> list[SetCookieParam]:
    """Of somebody signed in as the site's administrator."""
    name, password = (
        ADMINISTRATOR[f"DJANGO_SUPERUSER_{part}"] for part in ("USERNAME", "PASSWORD")
    )
    with Visitor(url).sign_in(name, password) as visitor:
        return [
            {"name": name, "value": value, "url": url}
            for name, value in visitor.http.cookies.items()
        ]


class Complaints:
    """What browsers logged as errors. A test names beforehand what belongs to its story."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.expected: list[str] = ["Service Worker registration blocked by Playwright"]

    def expect(self, *parts: str) -> None:
        self.expected.extend(parts)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.heard.append(f"{message.text} ({message.location.get('url', '')})")

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.heard if not any(part in text for part in self.expected)]


def sign_in(page: Page, person: Person) -> None:
    """On the page that asks for it; the next one is whole, so that Enter in it sends."""
    page.get_by_label("User name or e-mail address").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.wait_for_load_state()
    with page.expect_event("load"):
        page.get_by_role("button", name="Sign in", exact=True).click()
