"""Events as bytes of `text/event-stream`. Pure."""

from __future__ import annotations

import msgspec

from .events import Event

PING = b": ping\n\n"
# Said once at the beginning: how soon to reconnect, and a first byte for proxies that wait for one.
HELLO = b"retry: 1000\n\n"

_encoder = msgspec.json.Encoder(enc_hook=str.__str__)  # a SafeString is a string to everyone else


def encode(event: Event, position: int | None) -> bytes:
    """One event. position: code points of the answer the reader has after it; None leaves the last id standing."""
    fields = {
        name: value
        for name, value in ((name, getattr(event, name)) for name in event.__dataclass_fields__)
        if value != "" or name not in {"code", "message"}
    }
    head = b"" if position is None else b"id: %d\n" % position
    name = type(event).__name__.lower().encode()
    return b"%sevent: %s\ndata: %s\n\n" % (head, name, _encoder.encode(fields))
