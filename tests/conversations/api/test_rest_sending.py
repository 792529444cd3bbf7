"""Sending by `/api/v1/`: idempotent, billed to the key, and with the choices that pages have."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts import quotas
from accounts.models import Plan, UsagePeriod, UsageRecord, User
from conversations.models import ChatModel, Conversation, RolePreset
from tests.conversations.api.programs import Program, ask, events, message, refused, reply, send
from tests.conversations.talk import assert_ledger_equals_counters, parse, text_of
from tests.upstream import Script, Upstream


@pytest.fixture
def program(alice: User, unlimited: Plan) -> Program:
    User.objects.filter(pk=alice.pk).update(plan=unlimited)
    return Program(alice)


# --- From the question to the bill -----------------------------------------------------------------------------------


def test_begin_follow_read(program: Program, upstream: Upstream, alice: User) -> None:
    upstream.say("Hello ", "from ", "here")
    sent = reply(send(program, "Hi\r\nthere"), 201)
    assert set(sent) == {"conversation", "message", "answer", "completion", "url", "events", "stop"}
    assert sent["url"] == f"/c/{sent['conversation']}/"
    assert sent["events"] == f"/api/v1/completions/{sent['completion']}/events"
    assert sent["stop"] == f"/api/v1/completions/{sent['completion']}/stop"
    heard = events(program, sent["events"])
    assert text_of(iter(heard)) == "Hello from here"
    assert heard[-1].data == {"status": "complete", "message_id": sent["answer"]}
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert (found["title"], found["model"], found["running"]) == ("Hi", "fake", False)
    assert [(one["id"], one["content"]) for one in found["messages"]["items"]] == [
        (sent["message"], "Hi\nthere"),
        (sent["answer"], "Hello from here"),
    ]
    assert reply(program.get(f"completions/{sent['completion']}")) == {
        "status": "complete",
        "code": "",
        "text": "Hello from here",
        "position": 15,
    }


def test_it_is_billed_to_the_person_and_to_the_key(
    program: Program, upstream: Upstream, alice: User
) -> None:
    first = ask(program, "One")
    ask(Program(alice), "Two")
    again = reply(program.post(f"completions/{first['completion']}/regenerate"), 201)
    events(program, again["events"])
    upstream.play(Script("slow", options={"tokens": "1000", "rate": "50"}))
    stopped = reply(send(program, "Three", first["conversation"]), 201)
    stop_when_it_writes(program, stopped)
    goes_on = reply(program.post(f"completions/{stopped['completion']}/continue"), 201)
    events(program, goes_on["events"])
    through_it = UsageRecord.objects.filter(api_key=program.key)
    assert {str(record.completion_id) for record in through_it} == {
        one["completion"] for one in (first, again, stopped, goes_on)
    }
    assert UsageRecord.objects.count() == 5
    for kind in ("day", "month"):
        row = UsagePeriod.objects.get(user=alice, api_key=program.key, kind=kind)
        sums = quotas.ledger_sums(alice, kind=kind, start=row.start, api_key=program.key)
        assert sums == (row.used_requests, row.used_tokens, row.used_money)
        assert sums[0] == 4
        whole = UsagePeriod.objects.get(user=alice, api_key=None, kind=kind)
        assert whole.used_requests == 5
    usage = reply(program.get("usage"))
    assert (usage["today"]["requests"], usage["key"]["today"]["requests"]) == (5, 4)


def stop_when_it_writes(program: Program, sent: dict[str, Any]) -> None:
    response = program.get(sent["events"])
    stream = parse(iter(response))
    assert next(stream).name == "delta"
    for _twice in range(2):
        assert reply(program.post(sent["stop"]), 202) == {"completion": sent["completion"]}
    assert list(stream)[-1].data["status"] == "stopped"


def test_what_a_page_sends_is_billed_to_no_key(program: Program, alice: User) -> None:
    program.client.force_login(alice)
    fields = {"content": "Hi", "client_id": str(uuid.uuid4())}
    sent = program.client.post(
        "/c/", fields, content_type="application/json", headers={"accept": "application/json"}
    ).json()
    events(program, f"/api/v1/completions/{sent['completion']}/events")
    assert UsageRecord.objects.get().api_key is None
    assert_ledger_equals_counters(alice)


# --- The same again --------------------------------------------------------------------------------------------------


def test_the_same_client_id_sends_once(program: Program, upstream: Upstream) -> None:
    fields = {"content": "Hi", "client_id": str(uuid.uuid4())}
    first = program.post("conversations", fields)
    again = program.post("conversations", fields)
    assert (first.status_code, again.status_code) == (201, 200)
    assert json.loads(first.content) == json.loads(again.content)
    sent = reply(first, 201)
    events(program, sent["events"])
    later = program.post("conversations", {**fields, "content": "Hi"})
    assert reply(later) == sent
    inside = program.post(f"conversations/{sent['conversation']}/messages", fields)
    assert reply(inside) == sent
    other = program.post("conversations", {**fields, "content": "Something else"})
    assert refused(other) == (409, "client_id_reused")
    assert len(upstream.chats) == 1
    assert Conversation.objects.count() == 1
    assert UsageRecord.objects.count() == 1


def test_a_client_id_belongs_to_one_person(program: Program, bob: User) -> None:
    fields = {"content": "Hi", "client_id": str(uuid.uuid4())}
    mine, theirs = (
        program.post("conversations", fields),
        Program(bob).post("conversations", fields),
    )
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert reply(mine, 201)["conversation"] != reply(theirs, 201)["conversation"]


def test_without_a_client_id_each_is_another(program: Program) -> None:
    for _ in range(2):
        reply(program.post("conversations", {"content": "Hi"}), 201)
    assert Conversation.objects.count() == 2


# --- What is chosen --------------------------------------------------------------------------------------------------


def test_choices_reach_the_endpoint(
    program: Program, upstream: Upstream, chat_model: ChatModel
) -> None:
    other = ChatModel.objects.create(endpoint=chat_model.endpoint, name="other")
    chosen: dict[str, Any] = {
        "model": other.name, "preset": "translator", "temperature": 1, "top_p": 0.5, "max_tokens": 50,
        "presence_penalty": -2, "frequency_penalty": 0.0,
    }  # fmt: skip
    sent = ask(program, "Hello", **chosen)
    body = upstream.chats[-1].body
    assert body["model"] == "other"
    assert body["messages"][0]["role"] == "system"
    assert (body["temperature"], body["top_p"]) == (1, 0.5)
    assert (body["presence_penalty"], body["frequency_penalty"]) == (-2, 0)
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert (found["model"], found["preset"]) == ("other", "translator")
    assert found["parameters"]["max_tokens"] == 50
    ask(program, "Again", sent["conversation"], preset="", temperature=None)
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert (found["preset"], found["parameters"]["temperature"]) == (None, None)


def test_variables(program: Program, upstream: Upstream) -> None:
    own = RolePreset.objects.create(owner=program.key.user, name="Owl", instruction="Be {{who}}.")
    sent = ask(program, "Hello", preset=str(own.pk), variables={"who": "brief"})
    assert upstream.chats[-1].body["messages"][0]["content"] == "Be brief."
    assert reply(program.get(f"conversations/{sent['conversation']}"))["variables"] == {
        "who": "brief"
    }


def test_an_edit_makes_a_branch(program: Program) -> None:
    sent = ask(program, "First")
    edited = ask(program, "Better", sent["conversation"], edit=sent["message"])
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert found["messages"]["items"][0]["content"] == "Better"
    assert message(program, sent["message"])["siblings"] == [sent["message"], edited["message"]]


def test_a_message_follows_the_answer_that_it_names(program: Program) -> None:
    sent = ask(program, "One")
    ask(program, "Two", sent["conversation"])
    other = ask(program, "Another two", sent["conversation"], parent=sent["answer"])
    assert len(message(program, other["message"])["siblings"]) == 2


def test_regenerate_with_another_model(program: Program, chat_model: ChatModel) -> None:
    ChatModel.objects.create(endpoint=chat_model.endpoint, name="other")
    sent = ask(program, "One")
    path = f"completions/{sent['completion']}/regenerate"
    again = reply(program.post(path, {"model": "other"}), 201)
    events(program, again["events"])
    found = message(program, again["answer"])
    assert (found["model"], found["siblings"]) == ("other", [sent["answer"], again["answer"]])
    assert refused(program.post(path, {"model": "none"})) == (400, "model_unknown")
    assert refused(program.post(path, {"no": "such"})) == (400, "invalid_parameter")


def test_compare(program: Program, chat_model: ChatModel) -> None:
    ChatModel.objects.create(endpoint=chat_model.endpoint, name="other")
    sent = ask(program, "Who are you?", model=["fake", "other"])
    assert [answer["model"] for answer in sent["answers"]] == ["fake", "other"]
    assert {name: sent[name] for name in ("answer", "completion", "events", "stop")} == {
        name: sent["answers"][0][name] for name in ("answer", "completion", "events", "stop")
    }
    found = reply(program.get(f"conversations/{sent['conversation']}"))
    assert [one["model"] for one in found["comparison"]] == ["fake", "other"]
    for models in (["fake", "fake"], ["fake", "other", "x", "y"]):
        assert refused(send(program, "Again", model=models)) == (400, "invalid_parameter")
