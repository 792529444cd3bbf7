"""An OpenID Connect issuer on loopback that says of people whatever a test wants it to."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

CLIENT, SECRET = "chatsite", "the client's secret"
DENY = {"error": "access_denied"}


def _changed(usual: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


class Issuer:
    """claims: of whoever comes next. token, userinfo: what is sent instead of the usual. asked: paths, oldest first.

    id_token, discovery: what is otherwise in these; None takes it out.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.id_token: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.denies = False
        self.token: bytes | None = None
        self.userinfo: bytes | None = None
        self.moved: str | None = None
        self.asked: list[str] = []
        self.nonces: list[str] = []
        self._challenges: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def knows(self, sub: str, **claims: Any) -> None:
        """From now on whoever comes is this person, and nothing is odd."""
        self.claims = {"sub": sub, **claims}
        self.denies, self.token, self.userinfo, self.moved = False, None, None, None
        self.id_token, self.discovery = {}, {}
        self.asked.clear()

    # --- What it answers ---------------------------------------------------------------------------------------------

    def _discovery(self) -> dict[str, Any]:
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return _changed(usual, self.discovery)

    def _back(self, query: dict[str, list[str]]) -> str:
        """Where the browser is sent once the person has signed in here, or would not."""
        assert query["client_id"] == [CLIENT]
        assert query["code_challenge_method"] == ["S256"]
        code = f"code-{len(self._challenges)}"
        self.nonces.append(query["nonce"][0])
        self._challenges[code] = query["code_challenge"][0]
        answer = DENY if self.denies else {"code": code}
        return f"{query['redirect_uri'][0]}?{urlencode({**answer, 'state': query['state'][0]})}"

    def _tokens(self, form: dict[str, list[str]]) -> bytes:
        verifier = sha256(form["code_verifier"][0].encode()).digest()
        challenge = urlsafe_b64encode(verifier).decode().rstrip("=")
        if form["client_secret"] != [SECRET] or self._challenges[form["code"][0]] != challenge:
            return b'{"error": "invalid_grant"}'
        times = {"iat": int(time.time()), "exp": int(time.time()) + 60}
        usual = {**self.claims, "iss": self.url, "aud": CLIENT, "nonce": self.nonces[-1], **times}
        signed = jwt.encode(
            _changed(usual, self.id_token), "any key: it came straight from here over TLS", "HS256"
        )
        return json.dumps(
            {"access_token": "x", "token_type": "Bearer", "id_token": signed}
        ).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                issuer.asked.append(parts.path)
                if parts.path == "/authorize":
                    self._redirect(issuer._back(parse_qs(parts.query)))
                elif issuer.moved:
                    self._redirect(issuer.moved)
                elif parts.path == "/.well-known/openid-configuration":
                    self._send(json.dumps(issuer._discovery()).encode())
                elif parts.path == "/userinfo":
                    usual = json.dumps(issuer.claims).encode()
                    self._send(usual if issuer.userinfo is None else issuer.userinfo)
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                issuer.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                usual = issuer._tokens(parse_qs(body))
                self._send(usual if issuer.token is None else issuer.token)

            def _redirect(self, place: str) -> None:
                self.send_response(302)
                self.send_header("Location", place)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _send(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
