"""One request being answered: the words that the scripts are written in."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .received import Received
from .script import Script, without_script

if TYPE_CHECKING:
    from .server import Upstream


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
        self.streaming = bool(self.body.get("stream"))
        self.usage: dict[str, Any] | None = None
        self.headers: dict[str, str] = {}
        self._request = request
        self._response: web.StreamResponse | None = None
        self._said: list[str] = []
        self._calls: list[dict[str, Any]] = []
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

    async def begin(self, content_type: str = "text/event-stream", *, status: int = 200) -> None:
        self._response = web.StreamResponse(
            status=status,
            headers={"Content-Type": content_type, "Cache-Control": "no-cache", **self.headers},
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

    async def finish_with_tool(self, call: Mapping[str, Any]) -> None:
        self._reason = "tool_calls"
        self._calls = [{name: value for name, value in call.items() if name != "index"}]
        await self.finish()

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
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._said) or None}
        if self._calls:
            message["tool_calls"] = self._calls
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
            len(words(str(message.get("content")))) for message in self.body.get("messages", [])
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
    question = without_script(text).strip()[:2000] or "nothing"
    quoted = question.replace("\n", "\n> ")
    return f"You said:\n\n> {quoted}\n\n- **first** point\n- `second` point\n\n```python\nprint('hi')\n```\n"
