"""Talking to the site as a script in a page does: JSON in, events out."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client

from accounts import quotas
from accounts.models import Reservation, UsagePeriod, UsageRecord, User
from conversations.models import Completion, Message

JSON = {"accept": "application/json"}


@dataclass(frozen=True)
class Event:
    """One event as it came over the wire."""

    name: str
    data: dict[str, Any]
    id: int | None


@dataclass(frozen=True)
class Reply:
    """The body of a send, regenerate or continue."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def completion(self) -> Completion:
        return Completion.objects.get(pk=self.body["completion"])

    @property
    def answer(self) -> Message:
        return Message.objects.get(pk=self.body["answer"])


class Talk:
    """A signed-in client and the actions of the chat page."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def post(self, url: str, fields: dict[str, Any] | None = None) -> Reply:
        response = self.client.post(
            url, json.dumps(fields or {}), content_type="application/json", headers=JSON
        )
        return Reply(response.status_code, response.json() if response.content else {})

    def send(self, content: str, conversation: str | None = None, **fields: Any) -> Reply:
        url = f"/c/{conversation}/messages/" if conversation else "/c/"
        return self.post(url, {"content": content, "client_id": str(uuid.uuid4()), **fields})

    def events(self, reply: Reply, **query: str) -> Generator[Event, None, None]:
        """The stream of an answer, event by event as it comes."""
        response = self.client.get(reply.body["events"], query)
        assert response.status_code == 200, response.content
        assert response["Content-Type"].startswith("text/event-stream")
        yield from parse(iter(response))

    def finish(self, reply: Reply) -> Message:
        """Read the answer to its end and give the stored message."""
        assert reply.status in {200, 201}, reply.body
        *_, last = self.events(reply, format="text")
        assert last.name == "end"
        return reply.answer

    def ask(self, content: str, conversation: str | None = None, **fields: Any) -> Message:
        return self.finish(self.send(content, conversation, **fields))


def parse(chunks: Iterator[bytes]) -> Generator[Event, None, None]:
    """Events of a text/event-stream; comments and the retry line are passed over."""
    buffer = ""
    for chunk in chunks:
        buffer += chunk.decode()
        *frames, buffer = buffer.split("\n\n")
        for frame in frames:
            fields = dict(line.split(": ", 1) for line in frame.split("\n") if line[0] != ":")
            if "event" in fields:
                position = int(fields["id"]) if "id" in fields else None
                yield Event(fields["event"], json.loads(fields["data"]), position)
    assert not buffer


def text_of(events: Iterator[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.name == "delta")


def assert_ledger_equals_counters(user: User) -> None:
    """What was used is the sum of the ledger, and what is reserved the sum of the open reservations."""
    for row in UsagePeriod.objects.filter(user=user):
        assert (row.used_requests, row.used_tokens, row.used_money) == quotas.ledger_sums(
            user, kind=row.kind, start=row.start
        )
        held = Reservation.objects.filter(user=user)
        assert row.reserved_requests == sum(one.requests for one in held)
        assert row.reserved_tokens == sum(one.tokens for one in held)


def record_of(completion: Completion) -> UsageRecord:
    return UsageRecord.objects.get(completion_id=completion.pk)


def chosen_preset(page: str) -> str:
    """What the page's picker of role presets has selected, as a request names it."""
    picker = page.partition('name="preset"')[2].partition("</select>")[0]
    selected = re.search(r'<option value="([^"]*)"[^>]* selected>', picker)
    return selected[1] if selected else ""
