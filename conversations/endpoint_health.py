"""Whether the endpoint of the default model is well, as far as this process knows."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace

from .catalogue import on_offer
from .endpoints import address_of
from .model_lists import names_of_models

PROBE_SECONDS = 30.0
PROBE_TIMEOUT_SECONDS = 3.0


@dataclass
class _Seen:
    state: str = "unknown"
    at: float = float("-inf")


_seen: defaultdict[str, _Seen] = defaultdict(_Seen)  # by base URL


def note_traffic(base_url: str, *, well: bool) -> None:
    """What the last answer or probe said about its endpoint."""
    _seen[base_url] = _Seen("ok" if well else "failing", time.monotonic())


def endpoint_state() -> str:
    """`ok`, `failing` or `unknown` of the default model's endpoint. One query. Sync; three seconds at most.

    Source: recent traffic of this process, else a probe at most every 30 s.
    """
    model = on_offer().select_related("endpoint").order_by("-is_default").first()
    if model is None:
        return "unknown"
    address = address_of(model.endpoint)
    seen = _seen[address.base_url]
    if time.monotonic() - seen.at >= PROBE_SECONDS:
        # Before the probe: who asks meanwhile must not wait for another one.
        seen.at = time.monotonic()
        quick = min(PROBE_TIMEOUT_SECONDS, address.first_delta_seconds)
        names = names_of_models(model.endpoint.name, replace(address, first_delta_seconds=quick))
        note_traffic(address.base_url, well=names is not None)
    return _seen[address.base_url].state
