"""What the tests of comparisons say: ask several models, wait for an answer, keep one."""

from __future__ import annotations

from typing import Any

from conversations.models import Message
from tests.conversations.talk import JSON, Reply, Talk, parse

NAMES = ["fake", "second", "third"]


def begun(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status in {200, 201}, reply.body
    answers: list[dict[str, Any]] = reply.body["answers"]
    return answers


def finish(talk: Talk, answer: dict[str, Any]) -> Message:
    response = talk.client.get(answer["events"], {"format": "text"})
    *_, last = parse(iter(response))
    assert last.name == "end"
    return Message.objects.get(pk=answer["answer"])


def compare(talk: Talk, *models: str, **fields: Any) -> tuple[str, list[Message]]:
    """Ask and wait: the conversation and the answers."""
    reply = talk.send("Which?", model=list(models), **fields)
    answers = [finish(talk, answer) for answer in begun(reply)]
    return str(reply.body["conversation"]), answers


def shown(talk: Talk, conversation: str) -> dict[str, Any]:
    body: dict[str, Any] = talk.client.get(f"/c/{conversation}/", headers=JSON).json()
    return body


def keep(talk: Talk, conversation: str, answer: Message) -> None:
    assert talk.post(f"/c/{conversation}/leaf/", {"message": str(answer.pk)}).status == 200
