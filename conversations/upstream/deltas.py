"""What an endpoint streams, read into deltas: bytes in, `Delta`s out. Pure; no network, no clock.

The `openai` package's own iteration costs ten to fifty times more per delta, so only the few fields that matter
are decoded here. Each `data:` line is taken as one event: every server of this protocol sends it so.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from ..errors import AnswerFailed

MAX_LINE_BYTES = 1 << 20
MAX_TOKENS = 10_000_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_FIELDS = (b":", b"event", b"id", b"retry")


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the endpoint counted them; `cached` is part of `prompt`."""

    prompt: int
    completion: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """What one read brought: the text of all its events joined, and what came with them.

    text, reasoning: storable anywhere: no lone surrogates, no NUL.
    usage: None unless the endpoint sent a count that can be true; the last one counts.
    dropped_parameter: a parameter that the endpoint refused and the call was repeated without.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    usage: TokenUsage | None = None
    dropped_parameter: str = ""


class _Content(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Content | None = None
    finish_reason: Any = None


class _Event(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class DeltaParser:
    """Incremental: `feed` takes bytes however they were cut and gives what became complete.

    begun: some content or reasoning has arrived.
    events: data events understood so far, of any kind.
    finished: a finish_reason was seen; done: `[DONE]` was, and nothing after it is read.
    failure: set when nothing more can be read: an error frame, a line too long, not an event stream.
    bad_lines: lines that were skipped because they could not be understood.
    """

    def __init__(self, *, event_stream: bool = True, any_event: bool = False) -> None:
        """event_stream: the reply calls itself one; if not, its first line has to prove it.

        any_event: also what is not text begins it, such as a part of a call of a tool.
        """
        self.begun = False
        self.events = 0
        self.finished = False
        self.done = False
        self.failure: AnswerFailed | None = None
        self.bad_lines = 0
        self._trusted = event_stream
        self._any_event = any_event
        self._first = True
        self._pending = bytearray()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish_reason = ""
        self._usage: TokenUsage | None = None

    def feed(self, data: bytes) -> Delta | None:
        """The delta that these bytes complete, or None. Look at `failure` and `done` after each call."""
        for line in self._complete_lines(data):
            self._read_line(line)
            if self.done or self.failure:
                break
        return self._take()

    def end(self) -> Delta | None:
        """Read what is left when the reply has ended, and decide whether that end is a failure."""
        half_event = self._pending.startswith(b"data")
        bad_lines = self.bad_lines
        delta = self.feed(b"\n")
        if half_event:  # cut off rather than written badly
            self.bad_lines = bad_lines
        if not (self.done or self.finished or self.failure):
            if not self.events and (self.bad_lines or not self._trusted):
                self.failure = AnswerFailed("upstream_malformed", "no event could be understood")
            else:
                self.failure = AnswerFailed("upstream_cut", "ended without finish_reason or [DONE]")
        return delta

    def _complete_lines(self, data: bytes) -> list[bytes]:
        if self._first:
            self._first = False
            data = data.removeprefix(_BYTE_ORDER_MARK)
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end:
            self._pending += data
            lines = []
        elif self._pending:
            lines = (bytes(self._pending) + data[:end]).splitlines()
            self._pending = bytearray(data[end:])
        else:
            lines = data[:end].splitlines()
            self._pending += data[end:]
        if len(self._pending) > MAX_LINE_BYTES:
            self._pending.clear()
            self.failure = AnswerFailed("upstream_malformed", "a line over 1 MB")
        return lines

    def _read_line(self, line: bytes) -> None:
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            self.failure = AnswerFailed("upstream_malformed", "a line over 1 MB")
        elif line.startswith(b"data:"):
            self._trusted = True
            self._read_data(line[5:].strip())
        elif line.startswith(b"error:"):  # llama.cpp used to name the field after the fact
            self._read_data(b'{"error":' + line[6:] + b"}")
        elif line.startswith(_OTHER_FIELDS):
            return
        elif self._trusted:
            self.bad_lines += 1
        else:
            self.failure = AnswerFailed("upstream_malformed", "not an event stream")

    def _read_data(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.done = True
        elif data:
            self._read_event(data)

    def _read_event(self, data: bytes) -> None:
        try:
            event = _decode(data)
        except (ValueError, RecursionError):
            try:
                event = msgspec.convert(_loosely(data), _Event)
            except (ValueError, RecursionError):
                self.bad_lines += 1
                return
        self.events += 1
        self.begun = self.begun or self._any_event
        if event.choices:
            self._read_choice(event.choices[0])
        if event.usage is not None:
            self._usage = read_usage(event.usage)
        if event.error:
            self.failure = _failure(event.error)

    def _read_choice(self, choice: _Choice) -> None:
        delta = choice.delta
        if delta is not None:
            content = delta.content
            if content and isinstance(content, str):
                self._text.append(content)
            elif isinstance(content, list):
                self._read_parts(content)
            reasoning = delta.reasoning_content or delta.reasoning  # some servers send both, alike
            if reasoning and isinstance(reasoning, str):
                self._reasoning.append(reasoning)
        reason = choice.finish_reason
        if reason and isinstance(reason, str):
            self._finish_reason = _storable(reason[:64])
            self.finished = True

    def _read_parts(self, parts: list[Any]) -> None:
        for part in parts:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                self._text.append(part["text"])
            elif isinstance(part, dict) and isinstance(part.get("thinking"), list):
                thoughts = (
                    thought.get("text") for thought in part["thinking"] if isinstance(thought, dict)
                )
                self._reasoning += [thought for thought in thoughts if isinstance(thought, str)]

    def _take(self) -> Delta | None:
        if not (self._text or self._reasoning or self._finish_reason or self._usage):
            return None
        delta = Delta(
            _storable("".join(self._text)),
            _storable("".join(self._reasoning)),
            self._finish_reason,
            self._usage,
        )
        self.begun = self.begun or bool(delta.text or delta.reasoning)
        self._text.clear()
        self._reasoning.clear()
        self._finish_reason = ""
        self._usage = None
        return delta


def clean_code(value: object) -> str:
    """A code that a stranger chose, as `[a-z0-9_]{1,64}`; empty if there is none in it."""
    if not isinstance(value, str):
        return ""
    return re.sub(r"[^a-z0-9_]+", "_", value[:200].lower()).strip("_")[:64]


def _failure(error: object) -> AnswerFailed:
    code = clean_code(error.get("code")) if isinstance(error, dict) else ""
    return AnswerFailed(code or "upstream_error", "error frame", is_in_stream=True)


def _loosely(data: bytes) -> object:
    """JSON with wrong UTF-8 or lone surrogates, which msgspec rightly refuses."""
    return json.loads(data.decode("utf-8", "replace"))


def _storable(text: str) -> str:
    """Without what no database stores: NUL goes, each lone surrogate becomes U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def read_usage(value: object) -> TokenUsage | None:
    """The counts, if they can be true."""
    if not isinstance(value, dict):
        return None
    asked, told = value.get("prompt_tokens"), value.get("completion_tokens")
    if asked is None:  # as the Responses API names them
        asked, told = value.get("input_tokens"), value.get("output_tokens")
    # As embeddings say that there is no answer.
    elif told is None and value.get("total_tokens") == asked:
        told = 0
    details = value.get("prompt_tokens_details") or value.get("input_tokens_details")
    cached = _count((details.get("cached_tokens") or 0) if isinstance(details, dict) else 0)
    prompt, completion = _count(asked), _count(told)
    if prompt is None or completion is None or cached is None or cached > prompt:
        return None
    return TokenUsage(prompt, completion, cached)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None
