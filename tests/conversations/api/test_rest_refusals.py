"""What sending by `/api/v1/` is refused for: in the words and with the codes that pages know."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Plan, Scope, User
from conversations import runtime
from conversations.models import ChatModel, Completion, Message
from tests.conversations.api.programs import Program, ask, events, refused, reply, send
from tests.upstream import Script, Upstream


@pytest.fixture
def program(alice: User, unlimited: Plan) -> Program:
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    return Program(alice)


def test_one_answer_at_a_time(program: Program, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("One",)))
    sent = reply(send(program, "Wait"), 201)
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert found["running"]
    assert [one["events"] for one in found["messages"]["items"]] == [None, sent["events"]]
    for response in (
        send(program, "And?", sent["conversation"]),
        program.post(f"completions/{sent['completion']}/regenerate"),
    ):
        assert refused(response) == (409, "answer_running")
    reply(program.post(sent["stop"]), 202)


def test_what_cannot_be_done(program: Program) -> None:
    sent = ask(program, "One")
    assert refused(program.post(f"completions/{sent['completion']}/continue")) == (
        409,
        "not_possible",
    )
    conversation = sent["conversation"]
    for name, value in (("edit", sent["answer"]), ("parent", sent["message"])):
        response = send(program, "Two", conversation, **{name: value})
        assert refused(response) == (400, "invalid_parameter")
        assert json.loads(response.content)["error"]["field"] == name


@pytest.mark.parametrize("content", ["", " \n\t\u3000"])
def test_an_empty_message(program: Program, content: str) -> None:
    assert refused(send(program, content)) == (400, "empty_message")


def test_a_message_that_is_too_long(program: Program) -> None:
    assert refused(send(program, "界" * 100_000)) == (413, "message_too_long")


def test_models(program: Program, chat_model: ChatModel, alice: User) -> None:
    assert refused(send(program, "Hi", model="gpt-99")) == (400, "model_unknown")
    ChatModel.objects.create(endpoint=chat_model.endpoint, name="dear")
    plan = Plan.objects.create(name="Cheap", allowed_models=["fake"])
    User.objects.filter(pk=alice.pk).update(plan=plan)
    assert refused(send(program, "Hi", model="dear")) == (403, "model_not_allowed")
    assert refused(send(program, "Hi", preset="nobody")) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"requests_per_day": 1}, "quota_requests"), ({"tokens_per_day": 200}, "quota_tokens"),
     ({"money_per_month": Decimal("0.0001")}, "quota_money")],
)  # fmt: skip
def test_limits_of_the_key(
    program: Program, alice: User, limits: dict[str, Any], code: str
) -> None:
    """Of this one alone: the person's are not reached."""
    limited = Program(alice, **limits)
    for _ in range(2):
        response = send(limited, "Hi " * 60)
        if response.status_code == 201:
            events(limited, reply(response, 201)["events"])
    assert refused(response) == (429, code)
    error = json.loads(response.content)["error"]
    assert Decimal(error["limit"]) == next(iter(limits.values()))
    assert error["resets_at"] > timezone.now().isoformat()
    assert int(response["Retry-After"]) > 0
    ask(program, "Hi")


def test_limits_of_the_person(program: Program, alice: User) -> None:
    plan = Plan.objects.create(name="One", requests_per_day=1)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    ask(program, "Hi")
    for other in (program, Program(alice)):
        assert refused(send(other, "Hi")) == (429, "quota_requests")


def test_a_server_that_is_ending(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "is_closing", lambda: True)
    response = send(program, "Hi")
    assert refused(response) == (503, "unavailable")
    assert response["Retry-After"]
    assert not Message.objects.exists()


@pytest.mark.parametrize("scopes", [(Scope.WRITE,), (Scope.CHAT,), (Scope.READ, Scope.AUDIO)])
def test_without_the_scopes_nothing_is_sent(
    alice: User, chat_model: ChatModel, scopes: tuple[str, ...]
) -> None:
    assert refused(send(Program(alice, scopes), "Hi")) == (403, "scope_missing")
    assert not Completion.objects.exists()
