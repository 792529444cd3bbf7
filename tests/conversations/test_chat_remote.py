"""`manage.py chat --url`: what it makes of whoever answers there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue
from uuid import uuid4

import pytest

from conversations.events import Delta, End, Event, Reasoning, Thought
from conversations.terminal.client import Lost, Refused
from conversations.terminal.remote import Remote
from conversations.terminal.stream import read_events


@contextmanager
def server(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Something that answers everything alike, and who asked it with which key."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}", asked
        one.shutdown()
        thread.join()


def refusal(url: str, key: str = "ck_x") -> str:
    with pytest.raises(Refused) as refused:
        Remote(url, key).check()
    return refused.value.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<!doctype html>"),
        (404, b"nothing"),
        (404, b'{"error": {"message": "no such path"}}'),
        (200, b'{"items": 7}'),
        (200, b"[]"),
        (200, b'{"items": [7], "next": null}'),
        (200, b'{"items": [], "next": 5}'),
        (200, b'{"items": [], "next": "the-same"}'),
        (200, b'{"items":' + b"[" * 100_000),
    ],
)
def test_no_chatsite(status: int, body: bytes) -> None:
    with server(status, body) as (url, _asked):
        assert refusal(url) == f"There is no Chatsite at {url}."


def test_a_name_that_no_network_has() -> None:
    assert "cannot be reached" in refusal(f"http://{'a' * 300}")


def test_an_event_nested_beyond_reading_is_passed_over() -> None:
    deep = b"event: delta\ndata: " + b"[" * 100_000 + b"\n\n"
    assert list(read_events([deep, b'event: delta\ndata: {"text": "a"}\n\n'])) == [
        (Delta("a"), None)
    ]


def test_a_redirect_is_not_followed() -> None:
    with server(200, b"{}") as (elsewhere, asked):
        with server(301, b"", Location=f"{elsewhere}/api/v1/models") as (url, first):
            assert refusal(url).startswith(f"{url} sends on to {elsewhere}/")
    assert (len(first), asked) == (1, [])


def test_too_often_and_nobody_there() -> None:
    body = b'{"error": {"code": "rate_limited", "message": "Too fast."}}'
    with server(429, body, **{"Retry-After": "7"}) as (url, _asked):
        assert refusal(url) == "Too fast. Try again in 7 s."
    assert refusal(url).startswith(f"{url} cannot be reached: ")


def test_events_in_pieces() -> None:
    said = (
        ': ping\n\nretry: 1000\n\nevent: reasoning\ndata: {"text":"Hm"}\n\n'
        'id: 2\nevent: delta\ndata: {"text":"a\u2028"}\n\nevent: delta\ndata: {"text":\n\n'
        'event: thought\ndata: {"seconds":2.5}\n\n'
        'event: other\ndata: {}\n\nevent: end\ndata: {"status":"complete","message_id":"7"}\n\n'
    ).encode()
    expected = [
        (Reasoning("Hm"), None),
        (Delta("a\u2028"), 2),
        (Thought(2.5), None),
        (End("complete", "7"), None),
    ]
    assert list(read_events([said])) == expected
    assert list(read_events(bytes([one]) for one in said)) == expected
    assert list(read_events([said.replace(b"\n", b"\r\n")])) == expected


def test_thoughts_are_told_once_however_often_the_stream_breaks_off() -> None:
    body = (
        b'event: reasoning\ndata: {"text":"H"}\n\nevent: reasoning\ndata: {"text":"m"}\n\n'
        b'event: thought\ndata: {"seconds":2}\n\n'
    )
    told: SimpleQueue[Event | Exception] = SimpleQueue()
    with server(200, body) as (url, asked):
        Remote(url, "ck_x").follow(uuid4(), told.put)
        heard = [told.get(timeout=20)]
        while not isinstance(heard[-1], Exception):
            heard.append(told.get(timeout=20))
    assert [one for one in heard if isinstance(one, Reasoning)] == [Reasoning("H"), Reasoning("m")]
    assert isinstance(heard[-1], Lost)
    assert len(asked) == 4
