"""How fast `/v1` passes a stream on, beside a bare pass-through on the same machine in the same run.

    .venv/bin/python benchmarks/relay.py                          1, 50, 200, 400 and 800 streams at once
    .venv/bin/python benchmarks/relay.py --streams 1 200 --rate 25 --tokens 100

It starts an endpoint that says the time 25 times a second, a pass-through of twenty lines on aiohttp, and the site with
a database of its own; asks each for so many streams, and reads from every word how long it was on its way. Nothing else
is needed and nothing is left behind. What is measured is held to one core; give the endpoint and the client another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
RAMP_PER_SECOND = 125  # streams begun a second
TICKS = os.sysconf("SC_CLK_TCK")
_cores = sorted(os.sched_getaffinity(0))
# What is measured has one core; endpoint and client have the others, if there are any.
MEASURED, AROUND = {_cores[-1]}, {*_cores[:-1]} or {*_cores}


# --- What is measured against ----------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
MODELS = json.dumps({"object": "list", "data": [{"id": "clock", "object": "model"}]}).encode()


class Endpoint(asyncio.Protocol):
    """Says the time in nanoseconds, so often a second: as little Python as can be, for it shares a core."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.received = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not end or (length and len(body) < int(length[1])):
            return
        self.received = b""
        if head.startswith(b"GET"):
            kind = HEAD % b"application/json"
            self.transport.write(kind + b"Content-Length: %d\r\n\r\n" % len(MODELS) + MODELS)
            return
        self.closes = b"Connection: close" in head
        how = json.loads(body)["metadata"]
        self.transport.write(HEAD % b"text/event-stream" + b"Transfer-Encoding: chunked\r\n\r\n")
        self.left, self.pause = how["tokens"], 1 / how["rate"]
        self.due = asyncio.get_running_loop().time()
        self.say()

    def say(self) -> None:
        if not self.left:
            self.write(event({}, "stop") + b"data: [DONE]\n\n")
            self.transport.write(b"0\r\n\r\n")
            if self.closes:
                self.transport.close()
            return
        self.write(WORD % time.monotonic_ns())
        self.left -= 1
        self.due += self.pause
        self.timer = asyncio.get_running_loop().call_at(self.due, self.say)

    def write(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))


def event(delta: dict[str, str], reason: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-0123456789abcdef0123456789",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "clock",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


WORD = event({"content": "%d "})
SAID = re.compile(rb'"content": "(\d+) ')


def pass_through(target: str) -> web.Application:
    """Bytes in, bytes out: nobody is asked who they are, nothing is counted, nothing is written down."""

    async def passed(request: web.Request) -> web.StreamResponse:
        session = request.app[SESSION]
        async with session.post(target + request.path, data=await request.read()) as reply:
            response = web.StreamResponse(headers={"Content-Type": reply.content_type})
            await response.prepare(request)
            async for data in reply.content.iter_any():
                await response.write(data)
            return response

    async def session_of(application: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as application[SESSION]:
            yield

    application = web.Application()
    application.router.add_post("/v1/chat/completions", passed)
    application.cleanup_ctx.append(session_of)
    return application


SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session")


def serve(role: str, port: int, target: str) -> None:
    if role == "pass-through":
        web.run_app(pass_through(target), host="127.0.0.1", port=port, print=None, access_log=None)
        return

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Endpoint, "127.0.0.1", port, backlog=2_048)
        await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(forever())


# --- Measuring -------------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """Seconds. first: of each stream from its request to its first word. late: of each word on its way."""

    first: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


class Client(asyncio.Protocol):
    """One stream, read to its end; every word tells how long it was on its way."""

    def __init__(self, request: bytes, found: Measured) -> None:
        self.request, self.found = request, found
        self.asked = time.monotonic()
        self.words = 0
        self.pending = b""
        self.is_whole = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self.pending + data
        end = 0
        for word in SAID.finditer(data):
            if not self.words:
                self.found.first.append(now / 1e9 - self.asked)
            self.words += 1
            self.found.late.append((now - int(word[1])) / 1e9)
            end = word.end()
        self.is_whole = self.is_whole or b"[DONE]" in data
        self.pending = data[max(end, len(data) - 100) :]  # a word may come in two parts

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result(None)


async def measure(
    url: str, key: str, *, streams: int, rate: int, tokens: int, pids: Sequence[int]
) -> Measured:
    found = Measured()
    asked = {
        "model": "clock",
        "messages": [{"role": "user", "content": "What time is it?"}],
        "stream": True,
        "metadata": {"rate": rate, "tokens": tokens},
    }
    body = json.dumps(asked)
    address = urlsplit(url)
    host, port = str(address.hostname), int(address.port or 80)
    request = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()

    async def one(number: int) -> None:
        await asyncio.sleep(number / RAMP_PER_SECOND)
        client = Client(request, found)
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: client, host, port)
            await client.ended
        except OSError:
            pass
        found.failed += client.words != tokens or not client.is_whole

    cpu, begun = cpu_seconds(pids), time.monotonic()
    await asyncio.gather(*(one(number) for number in range(streams)))
    found.seconds, found.cpu = time.monotonic() - begun, cpu_seconds(pids) - cpu
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def family(pid: int) -> list[int]:
    """That process and all that it has started."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        found += [int(child) for child in children]
    return found


# --- The parts -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Whatever is started meanwhile runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    yield
    os.sched_setaffinity(0, before)


@contextlib.contextmanager
def part(role: str, target: str = "") -> Iterator[tuple[str, int]]:
    """The endpoint or the pass-through: its address and its process."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", role, str(port), target]
    with on(AROUND if role == "endpoint" else MEASURED):
        process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def site(target: str) -> Iterator[tuple[str, str, int]]:
    """A Chatsite of its own: its address, a key without limits, and its process."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATA_DIR": folder,
            "ENV_FILE": os.devnull,
            "PORT": str(port),
            "OPENAI_BASE_URL": f"{target}/v1",
            "DJANGO_SUPERUSER_USERNAME": "root",
            "DJANGO_SUPERUSER_PASSWORD": "a benchmark's password",
            "LOG_LEVEL": "ERROR",
        }
        output = Path(folder) / "output"
        with output.open("wb") as written, on(MEASURED):
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=environment,
                stdout=written,
                stderr=written,
            )
        try:
            while "Chatsite is ready" not in output.read_text():
                if process.poll() is not None:
                    sys.exit(output.read_text())
                time.sleep(0.1)
            made = subprocess.run(
                [sys.executable, "manage.py", "create_key", "benchmark", "--user", "root"],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            yield f"http://127.0.0.1:{port}", made.stdout.strip(), process.pid
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def row(name: str, streams: int, found: Measured, direct: Measured) -> str:
    words = len(found.late)
    added = statistics.median(found.first) - statistics.median(direct.first) if found.first else 0
    cells = (
        str(streams),
        name,
        f"{words / found.seconds:,.0f}",
        f"{1000 * added:.1f}",
        f"{1000 * percentile(found.first, 0.95):.0f}",
        f"{1000 * percentile(found.late, 0.5):.1f}",
        f"{1000 * percentile(found.late, 0.95):.0f}",
        f"{1000 * found.cpu / max(words, 1):.3f}",
        str(found.failed),
    )
    return f"| {' | '.join(cells)} |"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 50, 200, 400, 800])
    parser.add_argument("--rate", type=int, default=25, help="tokens a second of each stream")
    parser.add_argument("--tokens", type=int, default=400, help="of each stream")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], int(options.serve[1]), options.serve[2])
        return
    say(
        "| streams | through | tokens/s | added to the first token, p50 ms | first token, p95 ms "
        "| a token's way, p50 ms | p95 ms | CPU s per 1,000 tokens | not whole |"
    )
    say("|---|---|---|---|---|---|---|---|---|")
    how = {"rate": options.rate, "tokens": options.tokens}
    path = "/v1/chat/completions"
    os.sched_setaffinity(0, AROUND)
    with part("endpoint") as (target, pid), part("pass-through", target) as (bare, bare_pid):
        with site(target) as (ours, key, our_pid):
            asyncio.run(measure(ours + path, key, streams=5, pids=[], rate=50, tokens=5))  # warm
            asyncio.run(measure(bare + path, "", streams=5, pids=[], rate=50, tokens=5))
            for streams in options.streams:
                direct = asyncio.run(measure(target + path, "", streams=streams, pids=[pid], **how))
                for name, url, secret, pids in (
                    ("pass-through", bare, "", [bare_pid]),
                    ("Chatsite", ours, key, family(our_pid)),
                ):
                    found = asyncio.run(
                        measure(url + path, secret, streams=streams, pids=pids, **how)
                    )
                    say(row(name, streams, found, direct))


if __name__ == "__main__":
    main()
