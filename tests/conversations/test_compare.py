"""One question to several models: all reserved or none, running at once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import Plan, Reservation, UsageRecord, User
from conversations.models import ChatModel, Completion, Conversation, Message
from tests.at_once import at_once
from tests.conftest import signed_in
from tests.conversations.comparing import NAMES, begun, compare, finish, keep, shown
from tests.conversations.talk import Reply, Talk, assert_ledger_equals_counters
from tests.upstream import Upstream

pytestmark = pytest.mark.usefixtures("more_models")


# --- Asking ----------------------------------------------------------------------------------------------------------


def test_three_models_answer_one_message(talk: Talk, upstream: Upstream, alice: User) -> None:
    reply = talk.send("Which?", model=NAMES)
    assert reply.status == 201
    answers = begun(reply)
    assert [answer["model"] for answer in answers] == NAMES
    single = {name: reply.body[name] for name in ("answer", "completion", "events", "stop")}
    assert {**single, "model": "fake"} == answers[0]
    messages = [finish(talk, answer) for answer in answers]
    assert {message.status for message in messages} == {"complete"}
    assert {str(message.parent_id) for message in messages} == {reply.body["message"]}
    assert len({message.comparison for message in messages} - {None}) == 1
    assert sorted(chat.body["model"] for chat in upstream.chats) == sorted(NAMES)
    body = shown(talk, str(reply.body["conversation"]))
    assert body["leaf"] == body["messages"][-1]["id"] == answers[0]["answer"]
    assert [answer["model"] for answer in body["comparison"]] == NAMES
    assert body["model"] == "fake"
    assert UsageRecord.objects.filter(user=alice).count() == 3
    assert_ledger_equals_counters(alice)


def test_they_run_at_once(talk: Talk, upstream: Upstream) -> None:
    reply = talk.send("Which?", model=["fake/stall", "second", "fake/gated"])
    first, second, third = begun(reply)
    assert finish(talk, second).status == "complete"
    states = [Message.objects.get(pk=one["answer"]).status for one in (first, third)]
    assert states == ["running", "running"]
    upstream.release(100)
    assert finish(talk, third).status == "complete"
    assert talk.post(first["stop"]).status == 202
    assert finish(talk, first).status == "stopped"


def test_a_form_repeats_the_field(talk: Talk) -> None:
    fields = {"content": "Which?", "client_id": str(uuid.uuid4()), "model": ["second", "third"]}
    response = talk.client.post("/c/", fields)
    assert response.status_code == 303
    names = Completion.objects.order_by("message__created_at").values_list("model_name", flat=True)
    assert list(names) == ["second", "third"]


def test_further_models_beside_the_chosen_one(talk: Talk) -> None:
    """The page's ticks: what is chosen anyway is asked once, ticked or not."""
    first = talk.send("Which?", compare=["third", "fake"])
    assert [answer["model"] for answer in begun(first)] == ["fake", "third"]
    for answer in begun(first):
        finish(talk, answer)
    conversation = str(first.body["conversation"])
    more = talk.send("And now?", conversation, model="second", compare=["fake", "third"])
    assert [answer["model"] for answer in begun(more)] == ["second", "fake", "third"]


def test_one_model_in_a_list_is_no_comparison(talk: Talk) -> None:
    reply = talk.send("Hello", model=["second"])
    assert "answers" not in reply.body
    answer = talk.finish(reply)
    assert answer.comparison is None
    assert reply.completion.model_name == "second"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"model": ["fake", "second", "third", "fourth"]}, 400, "invalid_parameter"),
        ({"model": ["fake", "fake"]}, 400, "invalid_parameter"),
        ({"model": "fake", "compare": ["second", "third", "fourth"]}, 400, "invalid_parameter"),
        ({"model": ["fake", "none"]}, 400, "model_unknown"),
        ({"model": ["fake", 7]}, 400, "invalid_parameter"),
        ({"model": ["fake", "a\x00"]}, 400, "invalid_text"),
        ({"model": {"fake": "second"}}, 400, "invalid_parameter"),
        ({"model": [["fake", "second"]]}, 400, "invalid_parameter"),
        ({"compare": ["x"] * 10_000}, 400, "model_unknown"),
        ({"compare": [str(number) for number in range(10_000)]}, 400, "invalid_parameter"),
    ],
)
def test_what_cannot_be_compared(
    talk: Talk, upstream: Upstream, fields: dict[str, Any], status: int, code: str
) -> None:
    reply = talk.send("Which?", **fields)
    assert (reply.status, reply.code) == (status, code)
    assert not Conversation.objects.exists()
    assert not upstream.chats


def test_a_model_that_the_plan_does_not_include(talk: Talk, unlimited: Plan) -> None:
    Plan.objects.filter(pk=unlimited.pk).update(allowed_models=["fake"])
    reply = talk.send("Which?", model=["fake", "second"])
    assert (reply.status, reply.code) == (403, "model_not_allowed")
    assert not Message.objects.exists()


def test_each_model_has_its_own_window(talk: Talk, upstream: Upstream) -> None:
    ChatModel.objects.filter(name="second").update(context_window=600, max_output_tokens=100)
    first = talk.send("word " * 400)
    talk.finish(first)
    reply = talk.send("And now?", str(first.body["conversation"]), model=["fake", "second"])
    for answer in begun(reply):
        assert finish(talk, answer).status == "complete"
    sent = {chat.body["model"]: chat.body["messages"] for chat in upstream.chats[1:]}
    assert len(sent["fake"]) == 3
    assert len(sent["second"]) == 1


def test_sent_twice_is_answered_once(talk: Talk, upstream: Upstream, alice: User) -> None:
    client_id = str(uuid.uuid4())
    first = talk.send("Which?", client_id=client_id, model=NAMES)
    messages = [finish(talk, answer) for answer in begun(first)]
    keep(talk, str(first.body["conversation"]), messages[1])
    talk.finish(talk.post(f"/completions/{first.body['completion']}/regenerate/"))
    again = talk.send("Which?", client_id=client_id, model=NAMES)
    assert (again.status, again.body) == (200, first.body)
    assert len(upstream.chats) == 4
    other = talk.send("What?", client_id=client_id, model=NAMES)
    assert (other.status, other.code) == (409, "client_id_reused")


def test_the_same_comparison_from_two_tabs_at_once(talk: Talk, alice: User) -> None:
    client_id = str(uuid.uuid4())

    def send() -> Reply:
        return Talk(signed_in(alice)).send("Which?", client_id=client_id, model=NAMES)

    replies = at_once(*[send] * 8)
    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert len({str(begun(reply)) for reply in replies}) == 1
    assert Completion.objects.count() == 3
    for answer in begun(replies[0]):
        finish(talk, answer)
    assert_ledger_equals_counters(alice)


def test_nothing_else_is_sent_while_one_of_them_runs(talk: Talk) -> None:
    reply = talk.send("Which?", model=["fake", "fake/stall"])
    done, running = begun(reply)
    finish(talk, done)
    conversation = str(reply.body["conversation"])
    for fields in ({}, {"edit": reply.body["message"]}, {"model": ["fake", "second"]}):
        refused = talk.send("More", conversation, **fields)
        assert (refused.status, refused.code) == (409, "answer_running")
    talk.post(running["stop"])


# --- Quotas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        ({"requests_per_day": 2}, "quota_requests", "for 3 answers"),
        ({"tokens_per_day": 3_000}, "quota_tokens", "for 3 answers"),
        ({"concurrent_completions": 2}, "too_many_running", "2 answers run at once"),
    ],
)
def test_all_are_reserved_or_none(
    talk: Talk, upstream: Upstream, alice: User, limits: dict[str, int], code: str, words: str
) -> None:
    plan = Plan.objects.create(name="Small", **limits)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    reply = talk.send("word " * 500, model=NAMES)
    assert (reply.status, reply.code) == (429, code)
    assert words in reply.body["error"]["message"]
    assert not Conversation.objects.exists()
    assert not Reservation.objects.exists()
    assert not upstream.chats
    assert_ledger_equals_counters(alice)
    _conversation, answers = compare(talk, "fake", "second")
    assert {answer.status for answer in answers} == {"complete"}


def test_comparisons_at_once_spend_no_more_than_the_quota(
    talk: Talk, alice: User, upstream: Upstream
) -> None:
    """Ten requests: three comparisons of three, and one request that no comparison fits into."""
    plan = Plan.objects.create(name="Ten", requests_per_day=10)
    User.objects.filter(pk=alice.pk).update(plan=plan)

    def send() -> Reply:
        return Talk(signed_in(alice)).send("Which?", model=NAMES)

    replies = at_once(*[send] * 20)
    accepted = [reply for reply in replies if reply.status == 201]
    refused = [reply for reply in replies if reply.status != 201]
    assert len(accepted) == 3
    assert {(reply.status, reply.code) for reply in refused} == {(429, "quota_requests")}
    for reply in accepted:
        assert {finish(talk, answer).status for answer in begun(reply)} == {"complete"}
    assert len(upstream.chats) == 9
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
    assert talk.ask("One is left").status == "complete"
