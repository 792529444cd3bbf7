"""A person at a running site, over real HTTP: signs in with the form, sends, reads the event stream."""

from __future__ import annotations

import re
import ssl
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.conversations.talk import Event, parse

JSON = {"Accept": "application/json"}
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused; a client without one reads all authorities


class Visitor:
    """One browser's worth of cookies. Use it as a context manager."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(
            base_url=url, timeout=30, follow_redirects=True, trust_env=False, verify=TLS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def submit(self, page: str, fields: dict[str, str], *, to: str = "") -> httpx2.Response:
        """Fill in the form of a page and send it, as a browser without scripts does."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.http.get(page).text)
        assert found, f"{page} has no form"
        data = {"csrfmiddlewaretoken": found[1], **fields}
        return self.http.post(to or page, data=data, headers={"Referer": str(self.http.base_url)})

    def sign_in(self, username: str, password: str) -> Self:
        page = self.submit("/accounts/login/", {"login": username, "password": password})
        assert page.status_code == 200, page.text
        assert page.url.path == "/"
        return self

    def post(self, url: str, fields: dict[str, Any] | None = None) -> httpx2.Response:
        """As a script of the page does."""
        token = self.http.cookies.get("csrftoken") or self.http.cookies["__Host-csrftoken"]
        headers = {"X-CSRFToken": token, "Origin": str(self.http.base_url).rstrip("/")}
        return self.http.post(url, json=fields or {}, headers={**JSON, **headers})

    def send(self, content: str, **fields: Any) -> dict[str, Any]:
        reply = self.post("/c/", {"content": content, "client_id": str(uuid.uuid4()), **fields})
        assert reply.status_code == 201, reply.text
        body: dict[str, Any] = reply.json()
        return body

    def state(self, completion: str) -> dict[str, Any]:
        """`{status, code, text, position}` of a completion."""
        body: dict[str, Any] = self.http.get(f"/completions/{completion}/", headers=JSON).json()
        return body

    def events(self, url: str, *, after: int = 0) -> Iterator[Event]:
        """The text stream from a position on."""
        query = {"format": "text", "after": str(after)}
        with self.http.stream("GET", url, params=query) as response:
            assert response.status_code == 200
            yield from parse(response.iter_bytes())
