"""Refuses bodies that no form of the site sends before they reach a disk or Django.

Django would spool a large one whole first, whoever sends it and however slowly, and fails where a body calls itself
written in an encoding that it cannot use or that does not exist, or is compressed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

from .shapes import error_body
from .static_files import App, Receive, Scope, Send

TOO_LARGE = (
    413,
    "message_too_long",
    "The request is far larger than anything this site accepts.",
)
NOT_UTF8 = (415, "unsupported_encoding", "Send the body in UTF-8, and say so or nothing.")
PACKED = (415, "unsupported_encoding", "Send the body as it is, not compressed.")

# A parameter in RFC 2231's extended form, or an encoding other than the one everybody uses.
OTHER_ENCODING = re.compile(
    rb"\*\d*\*?\s*=|charset\s*=(?!\s*\"?utf-?8\"?\s*(?:;|$))", re.IGNORECASE
)


FULL = (
    503,
    "unavailable",
    "More is being sent to this site at the moment than it has room for. Try again in a moment.",
)

LINGER_SECONDS = 5.0
ROOM = 256 << 20  # bytes of all bodies that are arriving, in memory and on the disk
SMALL = 64 << 10  # of one body, which always finds room


class TooLarge(Exception):
    pass


class Full(Exception):
    pass


class BodyLimit:
    """most: bytes of a request's body, however it announces them. under: other bounds, by how the path begins.

    room: bytes of all that are arriving, but for what is small; one that is there is its view's business.
    """

    def __init__(
        self, app: App, *, most: int, under: Mapping[str, int] | None = None, room: int = ROOM
    ) -> None:
        self.app = app
        self.most = most
        self.under = dict(under or {})
        self.room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        types = (value for name, value in scope["headers"] if name == b"content-type")
        if any(OTHER_ENCODING.search(one) for one in types):
            await refuse(receive, send, path, *NOT_UTF8)
            return
        packings = (value for name, value in scope["headers"] if name == b"content-encoding")
        if any(one.strip().lower() not in {b"", b"identity"} for one in packings):
            await refuse(receive, send, path, *PACKED)
            return
        bounds = (most for beginning, most in self.under.items() if path.startswith(beginning))
        most = next(bounds, self.most)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            await refuse(receive, send, path, *TOO_LARGE)
            return
        seen = held = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen, held
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge
            more = max(0, seen - SMALL) - held if message.get("more_body") else -held
            if more > self.room:
                raise Full
            self.room -= more
            held += more
            return message

        try:
            await self.app(scope, counted, send)
        except TooLarge:  # the body is read before anything is answered
            await refuse(receive, send, path, *TOO_LARGE)
        except Full:
            await refuse(receive, send, path, *FULL)
        finally:
            self.room += held


async def refuse(
    receive: Receive, send: Send, path: str, status: int, code: str, message: str
) -> None:
    """Answer, and then read on for a while: a proxy that writes into a closed connection passes no answer on."""
    request_id = uuid.uuid4().hex
    error = error_body(path, status=status, code=code, message=message, request_id=request_id)
    body = json.dumps(error).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", request_id.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})
