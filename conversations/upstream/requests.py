"""What is asked of whom, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EndpointAddress:
    """Who serves a model, and how long it may take.

    base_url: as configured, `https://host/v1`; paths are appended to it.
    api_key: empty for servers without keys.
    first_delta_seconds: from the request until content or reasoning arrives, headers included.
    silence_seconds: between two events after that; keep-alive comments do not count.
    total_seconds: the whole answer with its retries.
    proxy: URL of an HTTP proxy; empty for none. Proxy variables of the environment are not read.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    connect_seconds: float = 10
    first_delta_seconds: float = 60
    silence_seconds: float = 60
    total_seconds: float = 1800
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True)
class ChatCall:
    """What is asked.

    messages: `{"role": …, "content": …}`, oldest first.
    max_tokens: the answer's limit, always sent, under the name that `max_tokens_parameter` gives.
    parameters: any of temperature, top_p, presence_penalty, frequency_penalty.
    """

    model: str
    messages: Sequence[Mapping[str, str]] = field(repr=False)
    max_tokens: int
    max_tokens_parameter: str = "max_tokens"
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Upload:
    """A body that is sent as it is. content_type: of a form, with its boundary.

    before, after: what stands around a content that is too large to be copied into one body with them.
    """

    content: bytes = field(repr=False)
    content_type: str
    before: bytes = field(default=b"", repr=False)
    after: bytes = field(default=b"", repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.before) + len(self.content) + len(self.after)


@dataclass(frozen=True)
class Timing:
    """Until when the first delta and the whole answer are due, by the loop's clock; seconds between two events."""

    first_at: float
    silence_seconds: float
    total_at: float
