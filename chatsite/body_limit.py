"""Refuses bodies that no form of the site sends before they reach a disk: Django would spool them whole first."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

from .static_files import App, Receive, Scope, Send

ERROR = json.dumps(
    {
        "error": {
            "code": "message_too_long",
            "message": "The request is far larger than anything this site accepts.",
        }
    }
).encode()


class TooLarge(Exception):
    pass


class BodyLimit:
    """most: bytes of a request's body, however it announces them."""

    def __init__(self, app: App, *, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.most:
            await refuse(send)
            return
        seen = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise TooLarge
            return message

        try:
            await self.app(scope, counted, send)
        except TooLarge:  # the body is read before anything is answered
            await refuse(send)


async def refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(ERROR)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": ERROR})
