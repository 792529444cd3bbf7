"""The two nodes of compose.yaml, without containers: their settings, one fresh PostgreSQL, Redis, and their proxy."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.conversations.test_processes import PERSON
from tests.deploying.test_container import CADDYFILE, filled_in
from tests.processes import ShippedSite, Site, free_port, wait_for
from tests.upstream import Upstream
from tests.visitor import Visitor

pytestmark = [pytest.mark.processes, pytest.mark.services, pytest.mark.timeout(240)]

NODES = ("node-1", "node-2")


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a new and empty one, beside that of the tests."""
    server = connection.settings_dict
    place = f"{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}"
    name = f"{settings.DATABASES['default']['NAME']}_nodes"

    def run(statement: str) -> None:
        with psycopg.connect(f"postgres://{place}/postgres", autocommit=True) as link:
            link.execute(statement)

    run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    run(f'CREATE DATABASE "{name}"')
    yield f"postgres://{place}/{name}"
    run(f'DROP DATABASE "{name}" WITH (FORCE)')


def configuration(folder: Path, port: int, nodes: list[Site]) -> list[str]:
    """The command of the proxy as it is, but on a port of its own, with the nodes where they are here."""
    text = CADDYFILE.replace("{$PUBLIC_URL:http://localhost}", f"http://localhost:{port}")
    for name, node in zip(NODES, nodes, strict=True):
        text = text.replace(f"{name}:8000", f"127.0.0.1:{node.port}")
    assert "node-" not in re.sub(r"#.*", "", text)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n" + text)
    return [
        "caddy",
        "run",
        "--config",
        str(folder / "Caddyfile"),
        "--adapter",
        "caddyfile",
    ]


@contextmanager
def proxy(command: list[str], folder: Path, url: str) -> Iterator[None]:
    """.ci/run installs it where it is missing."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, "HOME": str(folder)}, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: process.poll() is not None or is_live(url), what="the proxy and a node")
        assert process.poll() is None, (folder / "output").read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def is_live(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/livez", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_one_stops_and_the_other_goes_on(tmp_path: Path, database: str) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    with Upstream() as upstream, ExitStack() as stack:
        there = {
            **filled_in("node-1"),
            **PERSON,
            "HOST": "127.0.0.1",
            "DATA_DIR": str(tmp_path / "data"),  # one volume
            "DATABASE_URL": database,
            "REDIS_URL": settings.REDIS_URL,
            "PUBLIC_URL": url,
            "OPENAI_BASE_URL": upstream.url,
        }
        nodes: list[Site] = []
        for name in NODES:  # at once, on an empty database
            variables = {**there, "PORT": str(free_port())}
            nodes.append(stack.enter_context(ShippedSite(tmp_path / name, **variables)))
        for node in nodes:
            node.wait_until_ready()
        stack.enter_context(proxy(configuration(tmp_path, port, nodes), tmp_path, url))
        visitor = stack.enter_context(Visitor(url))
        visitor.sign_in("root", PERSON["DJANGO_SUPERUSER_PASSWORD"])
        reads_as_it_comes(visitor, upstream)
        survives_a_node(visitor, nodes)


def reads_as_it_comes(visitor: Visitor, upstream: Upstream) -> None:
    """Through the proxy, whichever node runs the answer and whichever shows it."""
    for number in range(4):
        upstream.play("gated")
        sent = visitor.send(f"one two {number}")
        stream = visitor.events(sent["events"])
        assert next(stream).name == "delta"  # while the endpoint says nothing more
        for _ in range(20):
            upstream.release()
        *_, last = stream
        assert last.data["status"] == "complete"


def survives_a_node(visitor: Visitor, nodes: list[Site]) -> None:
    """An answer that runs where it is told to stop is finished; nobody is turned away meanwhile or afterwards."""
    sent = [visitor.send("Go on [[script: slow tokens=90 rate=30]]") for _ in range(2)]
    leaving, staying = nodes
    leaving.process.send_signal(signal.SIGTERM)
    while leaving.process.poll() is None:
        assert visitor.http.get("/").status_code == 200
    for one in sent:
        wait_for(partial(has_ended, visitor, one["completion"]), what="the end of both")
        assert visitor.state(one["completion"])["status"] == "complete"
    assert leaving.wait_for_exit() == 0
    assert staying.process.poll() is None
    again = visitor.send("Still there?")
    *_, last = visitor.events(again["events"])
    assert last.data["status"] == "complete"


def has_ended(visitor: Visitor, completion: str) -> bool:
    return bool(visitor.state(completion)["status"] != "running")
