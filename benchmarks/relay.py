"""How fast `/v1` passes a stream on, beside a bare pass-through on the same machine in the same run.

    .venv/bin/python benchmarks/relay.py                          1, 50, 200, 400 and 800 streams at once
    .venv/bin/python benchmarks/relay.py --streams 1 200 --rate 25 --tokens 100

It starts an endpoint that says the time 25 times a second, a pass-through of twenty lines on aiohttp, and the site with
a database of its own; asks each for so many streams, and reads from every word how long it was on its way. Nothing else
is needed and nothing is left behind. The endpoint and the client take a core of their own: give it two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
RAMP_PER_SECOND = 125  # streams begun a second
TICKS = os.sysconf("SC_CLK_TCK")


# --- What is measured against ----------------------------------------------------------------------------------------


async def endpoint(request: web.Request) -> web.StreamResponse:
    """The time in nanoseconds, so often a second."""
    asked = await request.json()
    rate, tokens = asked["metadata"]["rate"], asked["metadata"]["tokens"]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    begun = time.monotonic()
    for number in range(tokens):
        await response.write(event({"content": f"{time.monotonic_ns()} "}))
        await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))
    await response.write(event({}, "stop") + b"data: [DONE]\n\n")
    return response


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


async def models(request: web.Request) -> web.StreamResponse:
    return web.json_response({"object": "list", "data": [{"id": "clock", "object": "model"}]})


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

    async def session_of(application: web.Application) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        application[SESSION] = aiohttp.ClientSession(connector=connector)

    application = web.Application()
    application.router.add_post("/v1/chat/completions", passed)
    application.on_startup.append(session_of)
    return application


SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session")


def serve(role: str, port: int, target: str) -> None:
    if role == "endpoint":
        application = web.Application()
        application.router.add_post("/v1/chat/completions", endpoint)
        application.router.add_get("/v1/models", models)
    else:
        application = pass_through(target)
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)


# --- Measuring -------------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """Seconds. first: of each stream from its request to its first word. late: of each word on its way."""

    first: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


async def measure(
    url: str, key: str, *, streams: int, rate: int, tokens: int, pids: Sequence[int]
) -> Measured:
    found = Measured()
    body = {
        "model": "clock",
        "messages": [{"role": "user", "content": "What time is it?"}],
        "stream": True,
        "metadata": {"rate": rate, "tokens": tokens},
    }

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        await asyncio.sleep(number / RAMP_PER_SECOND)
        asked, words = time.monotonic(), 0
        headers = {"Authorization": f"Bearer {key}"}
        try:
            async with session.post(url, json=body, headers=headers) as reply:
                async for line in reply.content:
                    if b'"content": "' not in line:
                        continue
                    now = time.monotonic_ns()
                    said = line.split(b'"content": "')[1].split(b" ", 1)[0]
                    if not words:
                        found.first.append(time.monotonic() - asked)
                    words += 1
                    found.late.append((now - int(said)) / 1e9)
        except (aiohttp.ClientError, OSError, ValueError):
            pass
        found.failed += words != tokens

    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        cpu, begun = cpu_seconds(pids), time.monotonic()
        await asyncio.gather(*(one(session, number) for number in range(streams)))
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
def part(role: str, target: str = "") -> Iterator[tuple[str, int]]:
    """The endpoint or the pass-through: its address and its process."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", role, str(port), target]
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
        with output.open("wb") as written:
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
    parser.add_argument("--tokens", type=int, default=100, help="of each stream")
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
