"""What lies beneath the clients of endpoints: a transport on aiohttp, and the replies that it brings.

The packaged one keeps cookies, hides which failure happened behind another's name, and can only be configured through
private names.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any, cast

import aiohttp
import httpx2
from aiohttp.connector import Connection
from yarl import URL

from ..errors import AnswerFailed
from .requests import EndpointAddress

MAX_CONNECTIONS = 2000
# At once: what came compressed may be a thousand times longer than it was on the way.
READ_BYTES = 64 << 10
MAX_BODY_BYTES = 8 << 20  # of replies read whole: errors and lists of models
LARGE_BODY_BYTES = 1 << 20
LINGER_SECONDS = 0.5

# The connection that a request got, so that it can be freed whatever the request was doing.
_transport_in_use: ContextVar[asyncio.WriteTransport | None] = ContextVar("transport", default=None)


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
            self._loop.call_later(LINGER_SECONDS, _abort, self._response)
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


class Transport(httpx2.AsyncBaseTransport):
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
        _transport_in_use.set(None)
        try:
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=_data_of(request),
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


def _data_of(request: httpx2.Request) -> object:
    if not isinstance(request.stream, httpx2.ByteStream):
        return request.stream  # in pieces already
    content = request.content
    # A large body as bytes would be written in one go, with the loop standing still.
    return io.BytesIO(content) if len(content) > LARGE_BODY_BYTES else content or None


def _abort(response: aiohttp.ClientResponse) -> None:
    """Free the socket now: a plain close first waits until everything is written."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


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
