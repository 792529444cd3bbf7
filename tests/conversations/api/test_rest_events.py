"""The event stream of `/api/v1/`: resumed where one was, ended with the key, and not more at once than anybody has."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts import api_keys
from accounts.models import Plan, User
from conversations.views import stream
from tests.conversations.api.programs import Program, ask, events, refused, reply, send
from tests.conversations.talk import Event, parse, text_of
from tests.conversations.test_processes import PERSON, threads_of, while_sixty_read
from tests.processes import Site, wait_for
from tests.upstream import Script, Upstream
from tests.visitor import Visitor


@pytest.fixture
def program(alice: User, unlimited: Plan) -> Program:
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    return Program(alice)


def follow(program: Program, url: str) -> Generator[Event, None, None]:
    yield from parse(iter(program.get(url)))


def test_it_comes_as_it_is_written(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("gated", ("One", " two", " three")))
    sent = reply(send(program, "Count"), 201)
    stream = follow(program, sent["events"])
    assert next(stream).data == {"text": "One"}
    assert reply(program.get(f"completions/{sent['completion']}"))["text"] == "One"
    upstream.release(2)
    rest = list(stream)
    assert text_of(iter(rest)) == " two three"
    assert rest[-1].name == "end"


def test_headers(program: Program) -> None:
    response = program.get(ask(program, "Hi")["events"])
    assert response["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response["Cache-Control"] == "no-cache, no-transform"
    assert response["X-Accel-Buffering"] == "no"
    assert "ETag" not in response
    assert list(response)


def test_resume(program: Program, upstream: Upstream) -> None:
    upstream.say("Hello 🦉 world")
    url = ask(program, "Hi")["events"]
    assert text_of(iter(events(program, f"{url}?after=8"))) == "world"
    assert text_of(iter(events(program, url, last_event_id="6"))) == "🦉 world"
    assert text_of(iter(events(program, f"{url}?after=2", last_event_id="8"))) == "world"
    assert [event.name for event in events(program, f"{url}?after=99")] == ["end"]


def test_html(program: Program, upstream: Upstream) -> None:
    upstream.say("One\n\n", "**two**")
    url = ask(program, "Hi")["events"]
    heard = events(program, f"{url}?format=html")
    html = "".join(event.data["html"] for event in heard if event.name in {"block", "open"})
    assert "<strong>two</strong>" in html
    assert {event.name for event in events(program, f"{url}?format=text")} == {"delta", "end"}


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", f"after={2**63}", "after=1.5", "format=xml", "format=", "after="],
)
def test_queries_that_are_none(program: Program, query: str) -> None:
    url = ask(program, "Hi")["events"]
    assert refused(program.get(f"{url}?{query}")) == (400, "invalid_parameter")


@pytest.mark.parametrize("position", ["-1", "x", "9" * 30, "1,1", "²"])
def test_positions_that_are_none(program: Program, position: str) -> None:
    url = ask(program, "Hi")["events"]
    response = program.get(url, last_event_id=position)
    assert refused(response) == (400, "invalid_parameter")
    assert response.json()["error"]["field"] == "Last-Event-ID"


def test_a_failed_answer_says_why(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("cut", ("One",)))
    sent = reply(send(program, "Hi"), 201)
    last = events(program, sent["events"], accept_language="zh-hans")[-1]
    assert (last.data["status"], last.data["code"]) == ("failed", "upstream_cut")
    assert not last.data["message"].isascii()


@pytest.mark.parametrize("ended_by", ["revoking", "expiry", "password"])
def test_a_key_that_ends_reads_no_further(
    program: Program,
    upstream: Upstream,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    ended_by: str,
) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)
    upstream.play(Script("gated", ("One", " two", " three", " four", " five")))
    sent = reply(send(program, "Count"), 201)
    other = Program(alice)
    theirs, mine = follow(program, sent["events"]), follow(other, sent["events"])
    assert (next(theirs).name, next(mine).name) == ("delta", "delta")
    if ended_by == "revoking":
        api_keys.revoke_keys([program.key.pk], now=timezone.now())
    elif ended_by == "expiry":
        program.key.expires_at = timezone.now()
        program.key.save()
    else:
        alice.set_password("another correct horse")
        alice.save()
    upstream.release(4)
    assert "end" not in [event.name for event in theirs]
    assert ([event.name for event in mine][-1:] == ["end"]) == (ended_by != "password")


def test_streams_of_keys_and_pages_count_together(
    program: Program, upstream: Upstream, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_OPEN", 2)
    upstream.play(Script("gated", ("One", " two")))
    sent = reply(send(program, "Count"), 201)
    open_ones: list[Any] = [follow(program, sent["events"]) for _ in range(2)]
    assert [next(one).name for one in open_ones] == ["delta", "delta"]
    assert refused(Program(alice).get(sent["events"])) == (429, "too_many_streams")
    upstream.release(1)
    for one in open_ones:
        assert [event.name for event in one][-1] == "end"
    assert events(program, sent["events"])


REVOKE = """
from django.utils import timezone
from accounts import api_keys
from accounts.models import ApiKey
print(api_keys.revoke_keys([key.pk for key in ApiKey.objects.all()], now=timezone.now()))
"""


@pytest.mark.processes
@pytest.mark.timeout(180)
def test_open_streams_cost_no_thread_and_end_with_the_key(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Site(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site,
        Visitor(site.url) as visitor,
    ):
        visitor.http.headers["Authorization"] = f"Bearer {site.make_key('root')}"
        question = {"content": "Wait [[script: stall]]"}
        sent = visitor.http.post("/api/v1/conversations", json=question).json()
        (worker,) = site.workers
        assert while_sixty_read(site, visitor, sent["events"], lambda: threads_of(worker)) <= 10
        with visitor.http.stream("GET", sent["events"]) as reading:
            parts = reading.iter_bytes()
            assert next(parts)
            assert site.run(REVOKE).split()[-1] == "1"
            wait_for(lambda: next(parts, None) is None, what="the end of the stream", seconds=12)
        assert visitor.http.get(sent["events"]).json()["error"]["code"] == "key_revoked"
