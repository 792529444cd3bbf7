"""Connections to endpoints: clients, and third-party failures translated into ours.

Imported only when the first call is made (`client.py`): the `openai` package is 28 MB. It builds requests,
authenticates and types the errors; the transport beneath it is ours (`transport.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

import httpx2
import openai

from ..errors import AnswerFailed
from .deltas import clean_code
from .requests import EndpointAddress, Upload
from .transport import Reply, Transport

if TYPE_CHECKING:
    from openai._types import RequestOptions

PIECE_BYTES = 64 << 10
_CONTEXT_CODES = {"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"}
_CONTEXT_WORDS = (
    "maximum context length",
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "input is too long",
    "reduce the length",
)


@dataclass
class _LoopState:
    """What belongs to one event loop and dies with it: connections cannot be used from another."""

    clients: dict[EndpointAddress, openai.AsyncOpenAI] = field(default_factory=dict)
    https: dict[EndpointAddress, httpx2.AsyncClient] = field(default_factory=dict)  # below them


_loops: dict[asyncio.AbstractEventLoop, _LoopState] = {}


class Refused(AnswerFailed):
    """The endpoint did not accept the request (400, 413, 422), or has no such address (404, 405, 501).

    message, parameter: as the endpoint wrote them; to look at, never to log: they may quote the prompt.
    reason: its code for that, as `deltas.clean_code` leaves it.
    """

    def __init__(
        self, code: str, detail: str, *, message: str, parameter: str, status: int, reason: str
    ) -> None:
        super().__init__(code, detail)
        self.reason = reason
        self.status = status
        self.message = message
        self.parameter = parameter


async def post(endpoint: EndpointAddress, path: str, body: Mapping[str, Any] | Upload) -> Reply:
    """Send one request; the reply's body is still to be read. Raises AnswerFailed."""
    with _failures_translated():
        if isinstance(body, Upload):
            response = await _send_as_it_is(endpoint, path, body)
        else:
            sent = await _client(endpoint).post(
                path,
                cast_to=httpx2.Response,
                body=dict(body),
                options=_options(endpoint),
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            # Whatever the stream class, this cast_to gives it raw.
            response = cast("httpx2.Response", sent)
    return Reply(response.extensions["aiohttp_response"])


async def _send_as_it_is(endpoint: EndpointAddress, path: str, body: Upload) -> httpx2.Response:
    """What a program wrote: the package would make it anew."""
    client = _client(endpoint)
    headers = {"Content-Type": body.content_type}
    if endpoint.api_key:
        headers.update(client.auth_headers)
    http = _state().https[endpoint]
    url = endpoint.base_url.rstrip("/") + path
    content: bytes | AsyncIterator[bytes] = body.content
    if body.before or body.after:
        headers["Content-Length"] = str(body.size)
        content = _in_pieces(body)
    request = http.build_request("POST", url, content=content, headers=headers)
    response = await http.send(request, stream=True)
    if response.status_code >= 300:
        try:
            found = json.loads(await response.aread())
            error = found.get("error", found)
        except (ValueError, AttributeError, RecursionError):
            error = None
        raise openai.APIStatusError("refused", response=response, body=error)
    return response


async def _in_pieces(body: Upload) -> AsyncIterator[bytes]:
    yield body.before
    for start in range(0, len(body.content), PIECE_BYTES):
        yield body.content[start : start + PIECE_BYTES]
    yield body.after


async def get(endpoint: EndpointAddress, path: str) -> bytes:
    """The whole body of a small reply. Raises AnswerFailed."""
    with _failures_translated():
        response = await _client(endpoint).get(
            path, cast_to=httpx2.Response, options=_options(endpoint)
        )
    return response.content


async def close_clients() -> None:
    """Close the running loop's clients and their connections."""
    state = _loops.pop(asyncio.get_running_loop(), _LoopState())
    for client in state.clients.values():
        await client.close()


def _state() -> _LoopState:
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        for other in [other for other in list(_loops) if other.is_closed()]:
            _loops.pop(other, None)
        _loops[loop] = _LoopState()
    return _loops[loop]


def _client(endpoint: EndpointAddress) -> openai.AsyncOpenAI:
    clients = _state().clients
    if endpoint not in clients:
        http = _state().https[endpoint] = _new_http(endpoint)
        clients[endpoint] = _new_client(endpoint, http)
    return clients[endpoint]


def _new_http(endpoint: EndpointAddress) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=Transport(endpoint),
        # httpx2 keeps cookies of its own, whatever the transport does.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},  # a compressed stream arrives late
    )


def _new_client(endpoint: EndpointAddress, http: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    headers: dict[str, Any] = {
        # The package would send what it finds in the environment, to any endpoint.
        "OpenAI-Organization": openai.Omit(),
        "OpenAI-Project": openai.Omit(),
    }
    if not (endpoint.api_key.isascii() and endpoint.api_key.isprintable()):
        raise AnswerFailed("upstream_auth", "the key has characters that no header can carry")
    return openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key or "none",  # empty is refused; `_options` leaves the header out
        admin_api_key="",
        max_retries=0,
        timeout=None,
        default_headers=headers,
        http_client=http,
    )


def _options(endpoint: EndpointAddress) -> RequestOptions:
    return {} if endpoint.api_key else {"headers": {"Authorization": openai.Omit()}}


@contextlib.contextmanager
def _failures_translated() -> Iterator[None]:
    try:
        yield
    except openai.APIStatusError as error:
        # Not chained: the endpoint's words may quote the prompt or the key, and chains are logged.
        raise _status_failure(error) from None
    except httpx2.InvalidURL as error:
        raise AnswerFailed("upstream_unreachable", "InvalidURL") from error
    except (openai.OpenAIError, httpx2.HTTPError) as error:
        raise AnswerFailed("upstream_error", type(error).__name__) from error


def _status_failure(error: openai.APIStatusError) -> AnswerFailed:
    status = error.status_code
    code = clean_code(error.code)
    detail = f"HTTP {status} {code}".strip()
    if status in (401, 403):
        return AnswerFailed("upstream_auth", detail)
    if status == 429:
        wait = _retry_after(error.response.headers)
        return AnswerFailed("upstream_rate_limited", detail, retryable=True, retry_after=wait)
    if status >= 500 and status != 501:
        wait = _retry_after(error.response.headers)
        is_full = status == 503 and wait is not None  # it says when to come back
        name = "upstream_overloaded" if is_full else "upstream_error"
        return AnswerFailed(name, detail, retryable=True, retry_after=wait)
    if status not in (400, 404, 405, 413, 415, 422, 501):
        return AnswerFailed("upstream_error", detail)
    message = error.response.text[:10_000]
    names = {code, clean_code(error.type)}
    too_long = bool(names & _CONTEXT_CODES) or any(
        words in message.lower() for words in _CONTEXT_WORDS
    )
    return Refused(
        "context_too_long" if too_long else "upstream_error",
        detail,
        message=message,
        parameter=error.param if isinstance(error.param, str) else "",
        status=status,
        reason=code,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of the header; None if it has none that can be read."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
