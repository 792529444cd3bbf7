"""What happens to running work when the server is told to stop, with gunicorn itself and a small application."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import (
    ROOT,
    family,
    free_port,
    identify,
    is_alive,
    scratch_environment,
    wait_for,
    wait_until_gone,
)

pytestmark = pytest.mark.processes

# /slow streams until the drain tells it to end; /stuck ends by itself never. What was reached is noted in files.
APPLICATION = """
import asyncio
from pathlib import Path
from chatsite import drain

notes = Path({folder!r})
ending = None

async def let_it_end():
    (notes / "drain").write_text(str(drain.is_draining()))
    ending.set()
    if (notes / "stuck").exists():
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            (notes / "cancelled").touch()
            raise

async def application(scope, receive, send):
    global ending
    if scope["type"] == "lifespan":
        await receive()
        ending = asyncio.Event()
        drain.on_drain(let_it_end)
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        (notes / "lifespan").touch()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/stuck":
        (notes / "stuck").touch()
    if scope["path"] in ("/slow", "/stuck"):
        await send({{"type": "http.response.body", "body": b"begin ", "more_body": True}})
        await (asyncio.sleep(600) if scope["path"] == "/stuck" else ending.wait())
    await send({{"type": "http.response.body", "body": b"end"}})
"""


class Gunicorn:
    def __init__(self, folder: Path) -> None:
        (folder / "small_application.py").write_text(APPLICATION.format(folder=str(folder)))
        self.port = free_port()
        environment = scratch_environment(folder, PORT=str(self.port))
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "small_application:application",
             "-c", str(ROOT / "gunicorn.conf.py")],
            cwd=ROOT, env=environment, start_new_session=True,
        )  # fmt: skip
        wait_for(lambda: self.get("/") is not None, what="an answer")

    def open(self, path: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        return connection

    def get(self, path: str) -> bytes | None:
        try:
            with contextlib.closing(self.open(path)) as connection:
                return connection.getresponse().read()
        except OSError:
            return None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Gunicorn]:
    server = Gunicorn(tmp_path)
    members = family(server.process.pid)
    yield server
    server.process.kill()
    server.process.wait()
    for pid, _start in filter(is_alive, members):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_gets_its_end_before_the_server_stops(
    server: Gunicorn, tmp_path: Path, number: signal.Signals
) -> None:
    with contextlib.closing(server.open("/slow")) as connection:
        response = connection.getresponse()
        assert response.read(6) == b"begin "
        server.process.send_signal(number)
        assert response.read() == b"end"
    assert server.process.wait(15) == 0
    assert (tmp_path / "drain").read_text() == "True"
    assert (tmp_path / "lifespan").exists()


def test_ctrl_c_waits_two_seconds_and_no_longer(server: Gunicorn, tmp_path: Path) -> None:
    with contextlib.closing(server.open("/stuck")) as connection:
        assert connection.getresponse().read(6) == b"begin "
        started = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 0
    assert 2 <= time.monotonic() - started < 10
    assert (tmp_path / "cancelled").exists()
    assert (tmp_path / "lifespan").exists()


def test_ctrl_c_cuts_a_long_drain_short(server: Gunicorn, tmp_path: Path) -> None:
    with contextlib.closing(server.open("/stuck")) as connection:
        assert connection.getresponse().read(6) == b"begin "
        server.process.send_signal(signal.SIGTERM)
        wait_for((tmp_path / "drain").exists, what="the drain")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 0
    assert (tmp_path / "cancelled").exists()


def test_idle_connections_do_not_delay_the_end(server: Gunicorn) -> None:
    with contextlib.closing(server.open("/")) as connection:
        connection.getresponse().read()  # kept alive: the server would wait for it for half a minute
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


def test_kill_9_of_the_master_ends_the_worker(server: Gunicorn) -> None:
    members = family(server.process.pid)
    assert len(members) == 2
    with contextlib.closing(server.open("/slow")) as connection:
        connection.getresponse().read(6)
        server.process.kill()
        server.process.wait()
        wait_until_gone(members)
    assert identify(server.process.pid)[1] == 0
