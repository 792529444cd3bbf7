"""The server: which script each request gets, and what has been received."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, defaultdict, deque
from types import TracebackType
from typing import Self

from aiohttp import web

from .play import Play
from .received import WAIT_SECONDS, Received
from .script import Script
from .scripts import SCRIPTS


class Upstream:
    """The server, in a thread with a loop of its own.

    script: played when nothing else says otherwise. models: ids that `/v1/models` names; models_script: a fault
    for that path. holds_models: until released. By another path: replies, content type and body; statuses, of a
    refusal; holds, which never answers. requests: everything received so far, oldest first.
    """

    def __init__(self, *, port: int = 0, models: tuple[str, ...] = ("fake",)) -> None:
        self.models = list(models)
        self.models_script: Script | None = None
        self.holds_models = False
        self.script = Script()
        self.replies: dict[str, tuple[str, bytes]] = {}
        self.statuses: dict[str, int] = {}
        self.holds: set[str] = set()
        self.requests: list[Received] = []
        self.port = port
        self._queue: deque[Script] = deque()
        self._by_model: defaultdict[str, deque[Script]] = defaultdict(deque)
        self._played: Counter[tuple[str, str]] = Counter()
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Received]:
        """Only the requests for an answer."""
        return [
            received for received in self.requests if received.path.endswith("/chat/completions")
        ]

    def start(self) -> Self:
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()
        if not listening.wait(WAIT_SECONDS):
            raise RuntimeError("the upstream did not start")
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join(WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def play(self, *scripts: str | Script) -> None:
        """The next chat requests get these, one each, in this order."""
        for script in scripts:
            self._queue.append(Script.parse(script) if isinstance(script, str) else script)

    def play_as(self, model: str, script: str | Script) -> None:
        """The next chat request to that model gets this, whatever else is asked at the same time."""
        self._by_model[model].append(Script.parse(script) if isinstance(script, str) else script)

    def say(self, *pieces: str, options: str = "") -> None:
        """The next chat request is answered with these pieces."""
        self._queue.append(Script.parse(f"answer {options}", *pieces))

    def release(self, count: int = 1) -> None:
        """Let gated answers send that many pieces more."""
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._gate.release)

    def wait_for_requests(
        self, count: int = 1, timeout_seconds: float = WAIT_SECONDS
    ) -> list[Received]:
        """All requests, once there are at least `count`."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_seconds)
        assert arrived, f"{len(self.requests)} requests instead of {count}"
        return list(self.requests)

    def reset(self) -> None:
        """Forget requests, scripts and releases; answers under way go on."""
        self.requests = []
        self.replies = {}
        self.statuses = {}
        self.holds = set()
        self.script = Script()
        self.models_script = None
        self._queue.clear()
        self._by_model.clear()
        self._played.clear()
        self._gate = asyncio.Semaphore(0)

    async def wait_for_release(self) -> None:
        await self._gate.acquire()

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(listening))
        self._loop.close()

    async def _serve(self, listening: threading.Event) -> None:
        application = web.Application(client_max_size=64 << 20)
        application.router.add_post("/release", self._on_release)
        application.router.add_get("/v1/models", self._on_models)
        application.router.add_post("/v1/chat/completions", self._on_chat)
        application.router.add_route("*", "/{path:.*}", self._on_anything)
        runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        listening.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _on_release(self, request: web.Request) -> web.StreamResponse:
        self._gate.release()
        return web.Response(status=204)

    async def _on_models(self, request: web.Request) -> web.StreamResponse:
        received = await self._receive(request)
        if self.models_script is not None:
            return await self._perform(request, received, self.models_script)
        if self.holds_models:
            await self.wait_for_release()
        received._ended.set()
        rows = [{"id": name, "object": "model", "owned_by": "tests"} for name in self.models]
        return web.json_response({"object": "list", "data": rows})

    async def _on_chat(self, request: web.Request) -> web.StreamResponse:
        received = await self._receive(request)
        return await self._perform(request, received, self._choose(received))

    async def _on_anything(self, request: web.Request) -> web.StreamResponse:
        received = await self._receive(request)
        if request.path in self.holds:
            return await self._perform(request, received, Script("hang"))
        received._ended.set()
        if status := self.statuses.get(request.path):
            return web.json_response({"error": {"message": "refused"}}, status=status)
        content_type, body = self.replies.get(request.path, ("", b""))
        if content_type:
            return web.Response(body=body, content_type=content_type)
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    async def _receive(self, request: web.Request) -> Received:
        raw = await request.read()
        peer = request.transport.get_extra_info("peername") if request.transport else None
        received = Received(
            request.method,
            request.path,
            request.headers.copy(),
            json.loads(raw) if raw and request.content_type == "application/json" else {},
            peer[1] if peer else 0,
            raw,
        )
        with self._arrived:
            self.requests.append(received)
            self._arrived.notify_all()
        return received

    def _choose(self, received: Received) -> Script:
        """What is queued for its model, else for any; else what it asks for; else `script`."""
        model = str(received.body.get("model", ""))
        if self._by_model[model]:
            script = self._by_model[model].popleft()
        elif self._queue:
            script = self._queue.popleft()
        else:
            script = Script.asked_for(received.text, model) or self.script
        self._played[script.name, received.text] += 1
        if self._played[script.name, received.text] > int(script.options.get("times", "1000000")):
            return Script()
        return script

    async def _perform(
        self, request: web.Request, received: Received, script: Script
    ) -> web.StreamResponse:
        play = Play(self, request, received, script)
        try:
            await SCRIPTS[script.name](play)
            return await play.end()
        except asyncio.CancelledError:
            if not play.broken:
                received._closed.set()
            raise
        except ConnectionError:
            received._closed.set()
            return web.Response()  # nobody is there to get it
        finally:
            received._ended.set()
