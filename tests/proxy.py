"""A small proxy for plain HTTP that remembers what went through it; tests/tls.py puts its forwarding behind TLS."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_HOP_BY_HOP = {"proxy-connection", "connection", "keep-alive", "transfer-encoding"}


class Proxy:
    """A server of one kind of handler while it is used as a context manager. port: where it listens."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class RecordingProxy(Proxy):
    """`with RecordingProxy() as proxy:` then use `proxy.url`; `proxy.seen` has (method, absolute URL) pairs."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        seen = self.seen

        class Handler(Forwarder):
            requests = seen

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}"


class Forwarder(BaseHTTPRequestHandler):
    """Passes each request on to the host of its absolute URL, or all of them to one site."""

    site: tuple[str, int] | None = None
    requests: list[tuple[str, str]] | None = None

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""

    def _forward(self) -> None:
        if self.requests is not None:
            self.requests.append((self.command, self.path))
        target = urlsplit(self.path)
        host, port = self.site or (target.hostname or "", target.port or 80)
        if self.site is None and (target.scheme != "http" or not target.hostname):
            self.send_error(400, "absolute http URLs only")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP
        }
        upstream = http.client.HTTPConnection(host, port, timeout=60)
        try:
            path = target.path + (f"?{target.query}" if target.query else "")
            upstream.request(self.command, path, body or None, headers)
            self._return(upstream.getresponse())
        finally:
            upstream.close()

    def _return(self, reply: http.client.HTTPResponse) -> None:
        """Pass the reply on as it arrives; its end is the end of the connection."""
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        for name, value in self._added():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        while data := reply.read1(65_536):
            self.wfile.write(data)
            self.wfile.flush()

    def _added(self) -> list[tuple[str, str]]:
        """Headers beside those of the reply."""
        return []
