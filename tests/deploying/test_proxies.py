"""The examples for nginx and Caddy, with the programs themselves in front of a running site."""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conversations.test_processes import PERSON
from tests.processes import ROOT, Site, free_port, wait_for
from tests.upstream import Upstream
from tests.visitor import Visitor

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

NAME = "chat.example.org"
LARGE = 25 * 1024 * 1024
NGINX = (ROOT / "deploy/nginx/chatsite.conf").read_text()
CADDY = (ROOT / "deploy/caddy/Caddyfile").read_text()
# Its workers write where nobody but the user of the tests may.
NGINX_ALONE = """
user root;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/chatsite.conf;
}}
"""
CADDY_ALONE = """
{{
	admin off
	auto_https disable_redirects
	http_port {spare}
}}
"""


def program(name: str) -> str:
    places = [os.environ["PATH"], "/usr/sbin", str(Path(sys.executable).parent)]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"{name} is not installed. Type: make test"
    return found


def replaced(text: str, changes: dict[str, str]) -> str:
    """The example with another port and another certificate; nothing else may differ."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that it has signed itself; its key lies beside it."""
    path = tmp_path_factory.mktemp("certificate") / "fullchain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}", "-out", path, "-keyout", path.with_name("privkey.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


def nginx(folder: Path, certificate: Path, port: int, site: int) -> list[str]:
    example = replaced(
        NGINX,
        {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{site};",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            f"/etc/letsencrypt/live/{NAME}/": f"{certificate.parent}/",
        },
    )
    (folder / "chatsite.conf").write_text(example)
    (folder / "nginx.conf").write_text(NGINX_ALONE.format(folder=folder))
    command = [
        program("nginx"),
        "-e",
        "stderr",
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
    ]
    subprocess.run([*command, "-t"], check=True)
    return command


def caddy(folder: Path, certificate: Path, port: int, site: int) -> list[str]:
    key = certificate.with_name("privkey.pem")
    example = replaced(
        CADDY,
        {
            "\nchat.example.org {": f"\nhttps://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}",
            "127.0.0.1:8000": f"127.0.0.1:{site}",
        },
    )
    (folder / "Caddyfile").write_text(CADDY_ALONE.format(spare=free_port()) + example)
    command = [program("caddy"), "run", "--config", str(folder / "Caddyfile")]
    return [*command, "--adapter", "caddyfile"]


Start = Callable[[Path, Path, int, int], list[str]]


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_for(lambda: _listens(port) or process.poll(), what=(folder / "output").read_text())
        assert process.poll() is None, (folder / "output").read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


class Through(httpx2.BaseTransport):
    """https://NAME → the proxy's port here, by TLS for that name."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.port = port
        trusted = ssl.create_default_context(cafile=certificate)
        self.inner = httpx2.HTTPTransport(verify=trusted, trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        passed_on = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self.port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": NAME},
        )
        return self.inner.handle_request(passed_on)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def visitor(
    request: pytest.FixtureRequest, tmp_path: Path, certificate: Path, upstream: Upstream
) -> Iterator[Visitor]:
    site = Site(tmp_path, **PERSON, PUBLIC_URL=f"https://{NAME}", OPENAI_BASE_URL=upstream.url)
    with site.wait_until_ready():
        port = free_port()  # only now: others look for one, too
        command = request.param(tmp_path, certificate, port, site.port)
        with running(command, tmp_path, port), Visitor(f"https://{NAME}") as visitor:
            visitor.http.close()
            visitor.http = httpx2.Client(
                base_url=f"https://{NAME}",
                timeout=30,
                follow_redirects=True,
                transport=Through(port, certificate),
            )
            yield visitor


def test_what_a_site_needs_of_its_proxy(visitor: Visitor, upstream: Upstream) -> None:
    """All in one: starting a site and a proxy takes longer than what is asked of them."""
    signed_in(visitor)
    events_are_not_held_back(visitor, upstream)
    long_addresses_are_let_through(visitor)
    what_is_too_large_is_refused_by_the_site(visitor)


def signed_in(visitor: Visitor) -> None:
    """With cookies that are sent by https alone; whoever claims to come from elsewhere does not."""
    visitor.http.headers["X-Forwarded-For"] = "198.51.100.66"
    visitor.http.headers["X-Forwarded-Proto"] = "http"
    visitor.sign_in("root", PERSON["DJANGO_SUPERUSER_PASSWORD"])
    assert "__Host-sessionid" in visitor.http.cookies
    sessions = visitor.http.get("/settings/sessions/").text
    assert "127.0.0.1" in sessions
    assert "198.51.100.66" not in sessions


def events_are_not_held_back(visitor: Visitor, upstream: Upstream) -> None:
    upstream.play("gated")
    sent = visitor.send("one two three")
    stream = visitor.events(sent["events"])
    assert next(stream).name == "delta"  # while the endpoint says nothing more
    for _ in range(100):
        upstream.release()
    *_, last = stream
    assert last.data["status"] == "complete"


def long_addresses_are_let_through(visitor: Visitor) -> None:
    page = visitor.http.get("/", params={"q": "word " * 10_000})
    assert page.status_code == 200
    assert "word word word" in page.text


def what_is_too_large_is_refused_by_the_site(visitor: Visitor) -> None:
    """In its own words, which tell a browser's page from a program."""
    reply = visitor.http.post("/c/", content=b"x" * LARGE, headers={"Accept": "application/json"})
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "message_too_long"


def test_caddy_understands_the_example_as_it_is(tmp_path: Path) -> None:
    subprocess.run(
        [program("caddy"), "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy/caddy/Caddyfile")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, check=True, capture_output=True,
    )  # fmt: skip
