"""What a platform's front end does: it ends TLS for a public name and passes requests on to the site's port."""

from __future__ import annotations

import httpx2

from tests.processes import Site
from tests.visitor import TLS, Visitor

CLIENT = "203.0.113.5:51234"  # Azure's front end names the port, too


class Front(httpx2.BaseTransport):
    """https://NAME → http://127.0.0.1:PORT, with X-Forwarded-For and -Proto."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inner = httpx2.HTTPTransport(verify=TLS, trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        passed_on = httpx2.Request(
            request.method,
            request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        passed_on.headers["X-Forwarded-For"] = CLIENT
        passed_on.headers["X-Forwarded-Proto"] = request.url.scheme
        return self.inner.handle_request(passed_on)

    def close(self) -> None:
        self.inner.close()


def visit(site: Site, name: str) -> Visitor:
    """Somebody who reaches the site by its public name."""
    return reach(site.port, name)


def reach(port: int, name: str) -> Visitor:
    visitor = Visitor(f"https://{name}")
    visitor.http.close()
    visitor.http = httpx2.Client(
        base_url=f"https://{name}", timeout=30, follow_redirects=True, transport=Front(port)
    )
    return visitor
