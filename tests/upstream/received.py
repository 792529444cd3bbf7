"""A request as the endpoint got it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WAIT_SECONDS = 10.0


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
    raw: bytes = field(default=b"", repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _closed: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def text(self) -> str:
        """The last user message."""
        messages = self.body.get("messages") or []
        texts = [message.get("content") for message in messages if message.get("role") == "user"]
        return texts[-1] if texts and isinstance(texts[-1], str) else ""

    def wait_closed(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether the client closed the connection before the reply was whole."""
        return self._closed.wait(timeout_seconds)

    def wait_ended(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether this server has finished with the request, however it ended."""
        return self._ended.wait(timeout_seconds)
