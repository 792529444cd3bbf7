"""Connections to endpoints: clients, their transport, and third-party failures translated into ours.

Imported only when the first call is made (`upstream.py`): the `openai` package is 28 MB. It builds requests,
authenticates and types the errors; the transport beneath it is ours, on aiohttp, because the packaged one keeps
cookies, hides which failure happened behind another's name, and can only be configured through private names.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import httpx2
import openai
from aiohttp.connector import Connection
from yarl import URL

from conversations.deltas import clean_code
from conversations.errors import AnswerFailed
from conversations.upstream import Upload

if TYPE_CHECKING:
    from openai._types import RequestOptions

    from conversations.upstream import EndpointAddress

MAX_CONNECTIONS = 2000
READ_BYTES = (
    64 << 10
)  # at once: what came compressed may be a thousand times longer than it was on the way
MAX_BODY_BYTES = 8 << 20  # of replies read whole: errors and lists of models
LARGE_BODY_BYTES = 1 << 20
LINGER_SECONDS = 0.5

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

# The connection that a request got, so that it can be freed whatever the request was doing.
_transport_in_use: ContextVar[asyncio.WriteTransport | None] = ContextVar("transport", default=None)


@dataclass
class _LoopState:
    """What belongs to one event loop and dies with it: connections cannot be used from another."""

    clients: dict[EndpointAddress, openai.AsyncOpenAI] = field(default_factory=dict)
    https: dict[EndpointAddress, httpx2.AsyncClient] = field(default_factory=dict)  # below them
    lingering: set[aiohttp.ClientResponse] = field(default_factory=set)


_loops: dict[asyncio.AbstractEventLoop, _LoopState] = {}


class Refused(AnswerFailed):
    """The endpoint did not accept the request (400, 422), or has no such address (404, 405, 501).

    message, parameter: as the endpoint wrote them; to look at, never to log: they may quote the prompt.
    """

    def __init__(
        self, code: str, detail: str, *, message: str, parameter: str, status: int
    ) -> None:
        super().__init__(code, detail)
        self.status = status
        self.message = message
        self.parameter = parameter


class Reply:
    """An accepted request's answer, still arriving. Close it in every case."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.content_type = response.content_type
        self._response = response
        self._content = response.content
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._until = math.inf

    async def read(self, until: float) -> bytes:
        """What has arrived, at least one byte and at most READ_BYTES; empty at the end of the reply.

        until: the loop's time after which waiting raises TimeoutError. Only waiting counts, so that a slow
        caller is not taken for a slow endpoint. One timer serves all reads and is moved when it goes off: a
        timeout for each read would cost more than the parsing.
        Raises AnswerFailed(upstream_cut) when the connection breaks.
        """
        if self._loop.time() >= until:
            raise TimeoutError
        if self._timer is None or until < self._timer.when():
            self._set_timer(until)
        self._until = until
        try:
            return await self._content.read(READ_BYTES)
        except TimeoutError:  # an OSError too, and not a broken connection
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise AnswerFailed("upstream_cut", type(error).__name__) from error
        finally:
            self._until = math.inf

    def abort(self) -> None:
        """Break the connection: whoever reads learns of it at once."""
        _abort(self._response)

    def close(self, *, linger: bool) -> None:
        """Close the connection at once; with `linger`, give it a moment to end and be used again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if linger and not self._content.at_eof():
            lingering = _state().lingering
            lingering.add(self._response)
            self._loop.call_later(LINGER_SECONDS, _end_linger, self._response, lingering)
        else:
            _abort(self._response)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._loop.time() >= self._until:
            self._content.set_exception(TimeoutError())
        elif self._until < math.inf:
            self._set_timer(self._until)


class _Body(httpx2.AsyncByteStream):
    """A reply read whole, cut where it grows beyond reason."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for data in self._response.content.iter_any():
                yield data
                size += len(data)
                if size > MAX_BODY_BYTES:
                    break
        except (aiohttp.ClientError, OSError) as error:
            raise AnswerFailed("upstream_cut", type(error).__name__) from error

    async def aclose(self) -> None:
        if not self._response.content.at_eof():
            _abort(self._response)


class _Connector(aiohttp.TCPConnector):
    async def connect(self, *args: Any, **options: Any) -> Connection:
        connection = await super().connect(*args, **options)
        _transport_in_use.set(cast("asyncio.WriteTransport | None", connection.transport))
        return connection


class _Transport(httpx2.AsyncBaseTransport):
    """One aiohttp session for one endpoint: no cookies, no redirects, nothing from the environment."""

    def __init__(self, endpoint: EndpointAddress) -> None:
        self._proxy = endpoint.proxy or None
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=MAX_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=endpoint.connect_seconds),
            trust_env=False,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        content = request.content
        _transport_in_use.set(None)
        try:
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                # A large body as bytes would be written in one go, with the loop standing still.
                data=io.BytesIO(content) if len(content) > LARGE_BODY_BYTES else content or None,
                allow_redirects=False,
                proxy=self._proxy,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise _connection_failure(error) from error
        except asyncio.CancelledError:
            # aiohttp's own close waits until a long request is written, to a server that may not be reading.
            if (transport := _transport_in_use.get()) is not None:
                transport.abort()
            raise
        # The session has decompressed the body already.
        headers = [
            (name, value)
            for name, value in response.raw_headers
            if name.lower() not in {b"content-encoding", b"content-length"}
        ]
        return httpx2.Response(
            response.status,
            headers=headers,
            stream=_Body(response),
            extensions={"aiohttp_response": response},
        )

    async def aclose(self) -> None:
        await self._session.close()


async def post(endpoint: EndpointAddress, path: str, body: Mapping[str, Any] | Upload) -> Reply:
    """Send one request; the reply's body is still to be read. Raises AnswerFailed."""
    with _failures_translated():
        if isinstance(body, Upload):
            response = await _upload(endpoint, path, body)
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


async def _upload(endpoint: EndpointAddress, path: str, body: Upload) -> httpx2.Response:
    """A form as it came: the package would make it anew from its parts."""
    client = _client(endpoint)
    headers = {"Content-Type": body.content_type, **client.auth_headers}
    if not endpoint.api_key:
        headers.pop("Authorization", None)
    http = _state().https[endpoint]
    url = endpoint.base_url.rstrip("/") + path
    request = http.build_request("POST", url, content=body.content, headers=headers)
    response = await http.send(request, stream=True)
    if response.status_code >= 300:
        try:
            found = json.loads(await response.aread())
            error = found.get("error", found)
        except (ValueError, AttributeError, RecursionError):
            error = None
        raise openai.APIStatusError("refused", response=response, body=error)
    return response


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
    for response in state.lingering:
        _abort(response)
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
        transport=_Transport(endpoint),
        # httpx2 keeps cookies of its own, whatever the transport does.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


def _new_client(endpoint: EndpointAddress, http: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    headers: dict[str, Any] = {
        "Accept-Encoding": "identity",  # a compressed stream arrives late
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


def _abort(response: aiohttp.ClientResponse) -> None:
    """Free the socket now: a plain close first waits until everything is written."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


def _end_linger(response: aiohttp.ClientResponse, lingering: set[aiohttp.ClientResponse]) -> None:
    lingering.discard(response)
    _abort(response)


def _connection_failure(error: Exception) -> AnswerFailed:
    """Before any answer. A time-out is never tried again; a connection that broke may have been a stale one."""
    name = type(error).__name__
    match error:
        case aiohttp.ServerTimeoutError():
            return AnswerFailed("upstream_unreachable", name)
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return AnswerFailed("upstream_unreachable", name, retryable=True)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return AnswerFailed("upstream_unreachable", name)
        case aiohttp.ClientResponseError():
            return AnswerFailed("upstream_malformed", name)
        case _:
            return AnswerFailed("upstream_cut", name, retryable=True)


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
        return AnswerFailed("upstream_error", detail, retryable=True, retry_after=wait)
    if status not in (400, 404, 405, 415, 422, 501):
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
