"""A real HTTP server that speaks the OpenAI protocol, plays scripts, and misbehaves on request.

In a test: `with Upstream() as upstream:` and point an endpoint at `upstream.url`. In a process of its own:
`python -m tests.upstream --port 9000`, which also takes `POST /release`.

Which script a chat request gets, first match: the next of `upstream.play_as(MODEL, …)`; the next of
`upstream.play(…)`; `[[script: NAME option=value …]]` in the last user message; a model named `fake/NAME`;
`upstream.script`. With `times=N` a script is played for the first N requests with the same last message, and then
`answer`. With `reason=NAME` an answer finishes with that finish_reason.

    answer                what `pieces` say, else an echo in Markdown; delay=SECONDS between pieces
    slow                  tokens=20 words at rate=25 a second
    gated                 the first piece, then one more for each `upstream.release()`; headers=1: nothing before it
    steps                 at full speed; at=10,50 waits for `upstream.release()` after that many pieces
    reasoning             thinks first; field=reasoning_content or reasoning; seconds=how long; gated=1: then as gated
    empty                 finishes without a word
    parts                 the content as a list of parts, after one that is null
    401 403 404 500 503   that status
    429                   retry-after=SECONDS
    redirect              302 to another path of this server
    context               400, context_length_exceeded; style=llama or message
    unsupported           400 while the body has one of name=A,B; style=message: named only in the sentence; style=422
    hang                  accepts the request and never answers
    stall                 the first piece, then nothing; comments=1: a keep-alive comment every 20 ms;
                          thinks=1: the piece is a thought
    quiet                 headers and a role, then nothing; comments=1 likewise
    cut, reset            the first piece, then FIN or RST in the middle of the reply; before=1: instead of headers
    eof                   pieces, then a clean end with neither finish_reason nor [DONE]
    no-done               a finish_reason, then a clean end; hold=1: then nothing
    no-usage              no usage, whatever was asked
    absurd-usage          usage that cannot be true
    garbage               lines that are not JSON, or not objects, between good ones
    surrogates            lone surrogates and NUL in the text
    split                 every byte in a packet of its own
    crlf, cr, comments    other line ends; comments, other fields, and no space after `data:`
    coalesced             the whole answer in one packet
    long-line             a line of size=10000000 bytes
    bomb                  size=10000000 comments, compressed to a thousandth, whatever was asked
    error-frame           a piece, then {"error": {"code": code=overloaded}}
    json, html            status 200, but no event stream
    cookie                an answer that sets a cookie
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

DIRECTIVE = re.compile(r"\[\[script:\s*([^\]]+)\]\]")
WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Script:
    """What to do with a request: a name of the table above, texts to send, options."""

    name: str = "answer"
    pieces: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *pieces: str) -> Script:
        name, *options = text.split()
        return cls(name, pieces, dict(option.split("=", 1) for option in options))


@dataclass
class Received:
    """A request as it came in, and how its connection fared.

    connection: the client's port: equal for requests on one kept connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    connection: int
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _closed: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def text(self) -> str:
        """The last user message."""
        messages = self.body.get("messages") or []
        texts = [message["content"] for message in messages if message.get("role") == "user"]
        return texts[-1] if texts and isinstance(texts[-1], str) else ""

    def wait_closed(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether the client closed the connection before the reply was whole."""
        return self._closed.wait(timeout_seconds)

    def wait_ended(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether this server has finished with the request, however it ended."""
        return self._ended.wait(timeout_seconds)


class Upstream:
    """The server, in a thread with a loop of its own.

    script: played when nothing else says otherwise. models: ids that `/v1/models` names; models_script: a fault
    for that path. holds_models: until released. requests: everything received so far, oldest first.
    """

    def __init__(self, *, port: int = 0, models: tuple[str, ...] = ("fake",)) -> None:
        self.models = list(models)
        self.models_script: Script | None = None
        self.holds_models = False
        self.script = Script()
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
        received._ended.set()
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    async def _receive(self, request: web.Request) -> Received:
        raw = await request.read()
        peer = request.transport.get_extra_info("peername") if request.transport else None
        received = Received(
            request.method,
            request.path,
            request.headers.copy(),
            json.loads(raw) if raw else {},
            peer[1] if peer else 0,
        )
        with self._arrived:
            self.requests.append(received)
            self._arrived.notify_all()
        return received

    def _choose(self, received: Received) -> Script:
        script = self.script
        model = str(received.body.get("model", ""))
        if self._by_model[model]:
            script = self._by_model[model].popleft()
        elif self._queue:
            script = self._queue.popleft()
        elif directive := DIRECTIVE.search(received.text):
            script = Script.parse(directive[1])
        elif model.startswith("fake/"):
            script = Script.parse(model.removeprefix("fake/"))
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


class Play:
    """One request being answered: the words that scripts are written in.

    newline, space: how lines end and what follows `data:`. broken: this side broke the connection.
    """

    def __init__(
        self, upstream: Upstream, request: web.Request, received: Received, script: Script
    ) -> None:
        self.upstream = upstream
        self.received = received
        self.body = received.body
        self.name = script.name
        self.options = script.options
        self.newline = b"\n"
        self.space = b" "
        self.broken = False
        self.streaming = bool(self.body.get("stream", True))
        self.usage: dict[str, Any] | None = None
        self.headers: dict[str, str] = {}
        self._request = request
        self._response: web.StreamResponse | None = None
        self._said: list[str] = []
        self._reason = script.options.get("reason", "stop")
        self._held: bytearray | None = None
        self._pieces = script.pieces

    def pieces(self) -> list[str]:
        """The texts to send, within the limit that the request sets."""
        pieces = list(self._pieces) or words(echo(self.received.text))
        limit = self.body.get("max_completion_tokens", self.body.get("max_tokens"))
        if isinstance(limit, int) and len(pieces) > limit:
            self._reason = "length"
            return pieces[:limit]
        return pieces

    def number(self, option: str, default: float) -> float:
        return float(self.options.get(option, default))

    async def begin(self, content_type: str = "text/event-stream") -> None:
        self._response = web.StreamResponse(
            headers={"Content-Type": content_type, "Cache-Control": "no-cache", **self.headers}
        )
        await self._response.prepare(self._request)

    async def refuse(self, status: int, error: Mapping[str, Any], **headers: str) -> None:
        self._response = web.json_response({"error": error}, status=status, headers=headers)

    async def send(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            return
        if self._response is None:
            await self.begin()
        assert self._response is not None
        await self._response.write(data)

    def hold(self) -> None:
        """Keep what is sent from here until `flush`, to put it into one packet, or into many."""
        self._held = bytearray()

    async def flush(self, *, byte_by_byte: bool = False) -> None:
        data, self._held = bytes(self._held or b""), None
        if not byte_by_byte:
            await self.send(data)
            return
        for index in range(len(data)):
            await self.send(data[index : index + 1])
            await asyncio.sleep(0)

    async def line(self, line: bytes) -> None:
        await self.send(line + self.newline)

    async def event(self, value: object) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        await self.send(b"data:" + self.space + data + self.newline + self.newline)

    async def delta(self, finish_reason: str | None = None, **delta: object) -> None:
        if not self.streaming:
            return
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await self.event(self._chunk([choice]))

    async def text(self, piece: str) -> None:
        self._said.append(piece)
        await self.delta(content=piece)

    async def finish(self, *, done: bool = True, usage: bool = True) -> None:
        """The finish_reason, the usage if it was asked for, and `[DONE]`."""
        if not self.streaming:
            await self._whole_answer()
            return
        await self.delta(finish_reason=self._reason)
        if usage and (self.body.get("stream_options") or {}).get("include_usage"):
            await self.event({**self._chunk([]), "usage": self.usage or self._count()})
        if done:
            await self.event(b"[DONE]")

    async def forever(self) -> None:
        """Until the client closes the connection. With the option `comments`, keep it warm meanwhile."""
        while "comments" in self.options:
            await self.send(b": keep-alive" + self.newline + self.newline)
            await asyncio.sleep(0.02)
        await asyncio.Event().wait()

    async def break_off(self, *, reset: bool) -> None:
        """Close the connection in the middle of everything."""
        self.broken = True
        transport = self._request.transport
        assert transport is not None
        if reset:
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        await asyncio.Event().wait()

    async def end(self) -> web.StreamResponse:
        response = self._response or web.Response()
        if isinstance(response, web.StreamResponse) and response.prepared:
            await response.write_eof()
        return response

    async def _whole_answer(self) -> None:
        message = {"role": "assistant", "content": "".join(self._said)}
        choice = {"index": 0, "message": message, "finish_reason": self._reason}
        answer = {
            **self._chunk([choice]),
            "object": "chat.completion",
            "usage": self.usage or self._count(),
        }
        self._response = web.json_response(answer, headers=self.headers)

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-test",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self.body.get("model", "fake"),
            "system_fingerprint": "fp_test",
            "choices": choices,
        }

    def _count(self) -> dict[str, Any]:
        prompt = sum(
            len(words(str(message["content"]))) for message in self.body.get("messages", [])
        )
        return {
            "prompt_tokens": prompt,
            "completion_tokens": len(self._said),
            "total_tokens": prompt + len(self._said),
            "prompt_tokens_details": {"cached_tokens": 0},
        }


def words(text: str) -> list[str]:
    """The text in pieces, each a word with the space before it; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def echo(text: str) -> str:
    """The default answer: Markdown with the question, or its beginning, in it."""
    question = DIRECTIVE.sub("", text).strip()[:2000] or "nothing"
    quoted = question.replace("\n", "\n> ")
    return f"You said:\n\n> {quoted}\n\n- **first** point\n- `second` point\n\n```python\nprint('hi')\n```\n"


Performer = Callable[[Play], Awaitable[None]]
SCRIPTS: dict[str, Performer] = {}


def script(*names: str) -> Callable[[Performer], Performer]:
    def register(performer: Performer) -> Performer:
        SCRIPTS.update(dict.fromkeys(names, performer))
        return performer

    return register


@script("answer")
async def answer(play: Play) -> None:
    await play.delta(role="assistant", content="")
    for piece in play.pieces():
        await play.text(piece)
        if delay := play.number("delay", 0):
            await asyncio.sleep(delay)
    await play.finish()


@script("slow")
async def slow(play: Play) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    await play.delta(role="assistant", content="")
    for index in range(int(play.number("tokens", 20))):
        await play.text(f"word{index} ")
        due = start + (index + 1) / play.number("rate", 25)
        await asyncio.sleep(max(0.0, due - loop.time()))
    await play.finish()


@script("steps")
async def steps(play: Play) -> None:
    marks = {int(mark) for mark in play.options["at"].split(",")}
    await play.delta(role="assistant", content="")
    for number, piece in enumerate(play.pieces(), start=1):
        await play.text(piece)
        if number in marks:
            await play.upstream.wait_for_release()
    await play.finish()


@script("gated")
async def gated(play: Play) -> None:
    first, *others = play.pieces()
    if "headers" in play.options:
        await play.upstream.wait_for_release()
    await play.text(first)
    for piece in others:
        await play.upstream.wait_for_release()
        await play.text(piece)
    await play.finish()


@script("reasoning")
async def reasoning(play: Play) -> None:
    name = play.options.get("field", "reasoning_content")
    for thought in ("Let me ", "think."):
        await play.delta(**{name: thought, "content": None})
    await asyncio.sleep(play.number("seconds", 0))
    await (gated if "gated" in play.options else answer)(play)


@script("empty")
async def empty(play: Play) -> None:
    await play.delta(role="assistant", content="")
    await play.finish()


@script("parts")
async def parts(play: Play) -> None:
    await play.delta(role="assistant", content=None)
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    await play.delta(content=[thought])
    await play.delta(content=[{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}])
    await play.finish()


@script("401", "403", "404", "500", "503")
async def refuse(play: Play) -> None:
    await play.refuse(int(play.name), {"message": "Refused", "type": "error", "code": None})


@script("429")
async def rate_limited(play: Play) -> None:
    headers = {"Retry-After": play.options["retry-after"]} if "retry-after" in play.options else {}
    await play.refuse(
        429, {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}, **headers
    )


@script("redirect")
async def redirect(play: Play) -> None:
    await play.refuse(302, {"message": "Elsewhere"}, Location="/v1/elsewhere")


@script("context")
async def context(play: Play) -> None:
    style = play.options.get("style")
    if style == "llama":
        message = "the request exceeds the available context size, try increasing it"
        await play.refuse(
            400, {"code": 400, "message": message, "type": "exceed_context_size_error"}
        )
    elif style == "message":
        message = "This model's maximum context length is 4096 tokens. Reduce the length."
        await play.refuse(400, {"message": message, "type": "BadRequestError", "code": 400})
    else:
        await play.refuse(400, {"message": "Too long", "code": "context_length_exceeded"})


@script("unsupported")
async def unsupported(play: Play) -> None:
    present = [name for name in play.options["name"].split(",") if name in play.body]
    if not present:
        await answer(play)
        return
    name = present[0]
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    style = play.options.get("style")
    if style == "message":
        await play.refuse(400, {"message": message})
    elif style == "422":
        await play.refuse(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name]}]})
    else:
        await play.refuse(400, {"message": message, "param": name, "code": "unsupported_parameter"})


@script("hang")
async def hang(play: Play) -> None:
    await asyncio.Event().wait()


@script("stall")
async def stall(play: Play) -> None:
    if "thinks" in play.options:
        await play.delta(reasoning_content=play.pieces()[0])
    else:
        await play.text(play.pieces()[0])
    await play.forever()


@script("quiet")
async def quiet(play: Play) -> None:
    await play.delta(role="assistant", content="")
    await play.forever()


@script("cut")
async def cut(play: Play) -> None:
    if "before" not in play.options:
        await play.text(play.pieces()[0])
    await play.break_off(reset=False)


@script("reset")
async def reset(play: Play) -> None:
    if "before" not in play.options:
        await play.text(play.pieces()[0])
    await play.break_off(reset=True)


@script("eof")
async def eof(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)


@script("no-done")
async def no_done(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
    await play.finish(done=False)
    if "hold" in play.options:
        await play.forever()


@script("no-usage")
async def no_usage(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
    await play.finish(usage=False)


@script("absurd-usage")
async def absurd_usage(play: Play) -> None:
    play.usage = {"prompt_tokens": -5, "completion_tokens": 10**15, "total_tokens": "many"}
    await answer(play)


@script("garbage")
async def garbage(play: Play) -> None:
    for piece in play.pieces():
        await play.text(piece)
        await play.line(b'data: {"choices": [{"delta": {"content": "half')
        await play.line(b"data: 17")
        await play.line(b"nonsense")
    await play.finish()


@script("surrogates")
async def surrogates(play: Play) -> None:
    for escaped in (rb"one \ud83d two", rb"three\u0000 four", rb"\ud83d\ude00 five"):
        await play.event(b'{"choices": [{"delta": {"content": "' + escaped + b'"}}]}')
    await play.finish()


@script("split")
async def split(play: Play) -> None:
    play.hold()
    await answer(play)
    await play.flush(byte_by_byte=True)


@script("crlf")
async def crlf(play: Play) -> None:
    play.newline = b"\r\n"
    await answer(play)


@script("cr")
async def cr(play: Play) -> None:
    play.newline = b"\r"
    await answer(play)


@script("comments")
async def comments(play: Play) -> None:
    play.space = b""
    for piece in play.pieces():
        await play.line(b": still here")
        await play.line(b"event: message")
        await play.line(b"id: 1")
        await play.text(piece)
    await play.finish()


@script("coalesced")
async def coalesced(play: Play) -> None:
    play.hold()
    await answer(play)
    await play.flush()


@script("long-line")
async def long_line(play: Play) -> None:
    await play.text(play.pieces()[0])
    await play.send(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(int(play.number("size", 10_000_000)) // 10_000):
        await play.send(b"x" * 10_000)
    await play.send(b'"}}]}\n\n')
    await play.finish()


@script("bomb")
async def bomb(play: Play) -> None:
    play.headers["Content-Encoding"] = "gzip"
    await play.send(gzip.compress(b":\n" * int(play.number("size", 10_000_000))))


@script("error-frame")
async def error_frame(play: Play) -> None:
    await play.text(play.pieces()[0])
    code = play.options.get("code", "overloaded")
    await play.event({"error": {"message": "Something broke", "code": code}})
    await play.forever()


@script("json")
async def not_a_stream(play: Play) -> None:
    play.streaming = False
    await answer(play)


@script("html")
async def html(play: Play) -> None:
    await play.begin("text/html")
    await play.send(b"<!doctype html>\n<title>Sign in to the network</title>\n")
    await play.forever()


@script("cookie")
async def cookie(play: Play) -> None:
    play.headers["Set-Cookie"] = "session=stolen; Path=/"
    await answer(play)


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible endpoint.")
    parser.add_argument("--port", type=int, default=0)
    with Upstream(port=parser.parse_args().port) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
