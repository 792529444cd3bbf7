"""What an endpoint streams of the Responses API, read as far as metering needs it. Pure.

Its events say of what kind they are; the last one has the whole answer and its usage, and no `[DONE]` follows.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import AnswerFailed
from .deltas import DeltaParser, clean_code, read_usage

ENDS = {"response.completed", "response.incomplete"}
FAILURES = {"response.failed", "error"}


class _Response(msgspec.Struct, gc=False):
    usage: Any = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Any = None
    response: _Response | None = None
    code: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class ResponseParser(DeltaParser):
    def _read_event(self, data: bytes) -> None:
        try:
            event = _decode(data)
        except (ValueError, RecursionError):
            self.bad_lines += 1
            return
        self.events += 1
        self.begun = True
        if event.type.endswith("_text.delta") and isinstance(event.delta, str):
            self._text.append(event.delta)
        elif event.type in ENDS:
            if event.response is not None:
                self._usage = read_usage(event.response.usage)
            self.finished = self.done = True
        elif event.type in FAILURES:
            error = event.response.error if event.response is not None else None
            code = clean_code(error.get("code") if isinstance(error, dict) else event.code)
            self.failure = AnswerFailed(code or "upstream_error", "error event", is_in_stream=True)
