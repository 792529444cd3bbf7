"""A proxy that ends TLS in front of a site, as platforms do, and a page elsewhere that shows the site in a frame."""

from __future__ import annotations

import contextlib
import datetime
import ssl
from http.cookies import SimpleCookie
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.proxy import Forwarder, Proxy

# Set beside every answer, without `Partitioned`: a browser that sends it back keeps cookies of third parties.
THIRD_PARTY = "third-party"


class TlsProxy(Proxy):
    """`with TlsProxy(folder, port, framer=…, framed=…) as proxy:` then connect to `proxy.port` by https.

    port: of the site behind. framer, framed: host names; the first has nothing but a page with the second in a frame.
    """

    def __init__(self, folder: Path, port: int, *, framer: str, framed: str) -> None:
        self.cookies_seen: set[str] = set()
        seen = self.cookies_seen

        class Handler(_TlsForwarder):
            site = ("127.0.0.1", port)
            frames = {framer: framed}
            cookies = seen

        super().__init__(Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )


class _TlsForwarder(Forwarder):
    frames: dict[str, str]
    cookies: set[str]

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the browser has gone
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        framed = self.frames.get(self.headers["Host"])
        if framed is None:
            self._forward()
            return
        frame = f'<iframe src="https://{framed}/" width="1000" height="700"></iframe>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<!doctype html><title>Framer</title>{frame}".encode())

    def _forward(self) -> None:
        self.cookies |= set(SimpleCookie(self.headers.get("Cookie", "")))
        self.headers["X-Forwarded-Proto"] = "https"
        self.headers["X-Forwarded-For"] = self.client_address[0]
        super()._forward()

    def _added(self) -> list[tuple[str, str]]:
        return [("Set-Cookie", f"{THIRD_PARTY}=1; Path=/; SameSite=None; Secure")]


def _certificate(folder: Path) -> Path:
    """A file with a key and the certificate it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
