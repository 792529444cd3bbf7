"""Events as they come over the network. `conversations/sse.py` writes what is read here. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..events import Delta, End, Event, Reasoning, Thought

MOST_BYTES = 1 << 24  # of one event


def read_events(parts: Iterable[bytes]) -> Iterator[tuple[Event, int | None]]:
    """Events with the position after each, None where it does not change. What is none of ours is passed over.

    Raises ValueError for an event that never ends.
    """
    buffer = b""
    for part in parts:
        buffer += part
        *frames, buffer = buffer.replace(b"\r\n", b"\n").split(b"\n\n")
        if len(buffer) > MOST_BYTES:
            raise ValueError("an event without an end")
        for frame in frames:
            found = _event(frame)
            if found is not None:
                yield found


def _event(frame: bytes) -> tuple[Event, int | None] | None:
    fields = {}
    for line in frame.split(b"\n"):
        name, _colon, value = line.partition(b":")
        fields[name] = value.removeprefix(b" ")
    position = fields.get(b"id", b"")
    try:
        data = json.loads(fields[b"data"])
        event = _read(fields[b"event"], data)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if event is None:
        return None
    return event, int(position) if position.isdigit() else None


def _read(name: bytes, data: dict[str, Any]) -> Event | None:
    if name == b"delta":
        return Delta(str(data["text"]))
    if name == b"reasoning":
        return Reasoning(str(data["text"]))
    if name == b"thought":
        return Thought(float(data["seconds"]))
    if name == b"end":
        return End(
            str(data["status"]),
            str(data["message_id"]),
            str(data.get("code", "")),
            str(data.get("message", "")),
        )
    return None
