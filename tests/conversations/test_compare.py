"""One question to several models: all reserved or none, running at once, one kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Plan, Reservation, UsageRecord, User
from conversations import completion, runtime
from conversations.models import ChatModel, Completion, Conversation, Message
from tests.conftest import signed_in
from tests.conversations.talk import (
    JSON,
    Reply,
    Talk,
    assert_ledger_equals_counters,
    parse,
    record_of,
)
from tests.upstream import Script, Upstream

NAMES = ["fake", "second", "third"]


@pytest.fixture(autouse=True)
def more_models(chat_model: ChatModel) -> None:
    for name in ("second", "third", "fourth", "fake/gated", "fake/stall", "fake/401"):
        ChatModel.objects.create(
            endpoint=chat_model.endpoint,
            name=name,
            context_window=8192,
            max_output_tokens=1024,
            max_tokens_parameter="max_tokens",
        )


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

    def send(_number: int) -> Reply:
        try:
            mine = Talk(signed_in(alice))
            return mine.send("Which?", client_id=client_id, model=NAMES)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(8)))
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

    def send(_number: int) -> Reply:
        try:
            return Talk(signed_in(alice)).send("Which?", model=NAMES)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(send, range(20)))
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


def test_one_fails_one_is_stopped_one_is_complete(talk: Talk, alice: User) -> None:
    reply = talk.send("Which?", model=["fake/401", "fake/stall", "fake"])
    failing, stalling, complete = begun(reply)
    assert finish(talk, failing).status == "failed"
    assert finish(talk, complete).status == "complete"
    talk.post(stalling["stop"])
    assert finish(talk, stalling).status == "stopped"
    rows = [
        record_of(Completion.objects.get(pk=one["completion"]))
        for one in (failing, stalling, complete)
    ]
    assert [row.requests for row in rows] == [0, 1, 1]
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


# --- Deciding --------------------------------------------------------------------------------------------------------


def keep(talk: Talk, conversation: str, answer: Message) -> None:
    assert talk.post(f"/c/{conversation}/leaf/", {"message": str(answer.pk)}).status == 200


def test_one_is_kept_and_the_others_become_its_versions(talk: Talk, upstream: Upstream) -> None:
    conversation, (first, second, third) = compare(talk, *NAMES)
    keep(talk, conversation, second)
    body = shown(talk, conversation)
    assert body["comparison"] == []
    assert body["model"] == "second"
    assert body["messages"][-1]["id"] == str(second.pk)
    assert body["messages"][-1]["siblings"] == [str(one.pk) for one in (first, second, third)]
    assert not Message.objects.exclude(comparison=None).exists()
    talk.ask("And now?", conversation)
    assert upstream.chats[-1].body["model"] == "second"
    assert upstream.chats[-1].body["messages"][1]["content"] == second.content
    keep(talk, conversation, third)
    assert shown(talk, conversation)["model"] == "second"


def test_a_message_follows_the_first_and_thereby_keeps_it(talk: Talk) -> None:
    conversation, (first, _second) = compare(talk, "second", "fake")
    talk.ask("And now?", conversation)
    body = shown(talk, conversation)
    assert [message["id"] for message in body["messages"]][1] == str(first.pk)
    assert not Message.objects.exclude(comparison=None).exists()


def test_a_message_after_a_named_one_keeps_that(talk: Talk) -> None:
    conversation, (_first, second) = compare(talk, "fake", "second")
    talk.ask("And now?", conversation, parent=str(second.pk))
    assert shown(talk, conversation)["messages"][1]["id"] == str(second.pk)
    assert not Message.objects.exclude(comparison=None).exists()


def test_a_refused_message_decides_nothing(talk: Talk, alice: User) -> None:
    plan = Plan.objects.create(name="Two", requests_per_day=2)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    conversation, _answers = compare(talk, "fake", "second")
    assert talk.send("And now?", conversation).status == 429
    assert len(shown(talk, conversation)["comparison"]) == 2


def test_keeping_one_stops_the_others(talk: Talk, alice: User) -> None:
    reply = talk.send("Which?", model=["fake/stall", "fake"])
    stalling, complete = begun(reply)
    kept = finish(talk, complete)
    keep(talk, str(reply.body["conversation"]), kept)
    assert finish(talk, stalling).status == "stopped"
    assert_ledger_equals_counters(alice)


def test_keeping_while_all_of_them_are_written(talk: Talk, upstream: Upstream) -> None:
    """The one that is kept goes on; checkpoints and keeping do not wait for each other in a circle."""
    for _round in range(3):
        reply = talk.send("Which?", model=["fake/gated", "fake/stall", "fake"])
        answers = begun(reply)
        kept = Message.objects.get(pk=answers[0]["answer"])
        keep(talk, str(reply.body["conversation"]), kept)
        upstream.release(100)
        assert finish(talk, answers[0]).status == "complete"
        assert finish(talk, answers[1]).status == "stopped"


def test_keeping_while_the_conversation_is_deleted(talk: Talk, alice: User) -> None:
    """Whoever comes second is refused; each answer is ended and paid for."""
    other = Talk(signed_in(alice))

    def post(who: Talk, url: str, fields: dict[str, str]) -> int:
        try:
            return who.post(url, fields).status
        finally:
            connections.close_all()

    for _round in range(3):
        reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
        url, chosen = str(reply.body["url"]), {"message": str(reply.body["answer"])}
        with ThreadPoolExecutor(2) as pool:
            kept = pool.submit(post, other, f"{url}leaf/", chosen)
            deleted = pool.submit(post, talk, f"{url}delete/", {})
        assert deleted.result() == 204
        assert kept.result() in {200, 404, 409}
        assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)


def test_editing_the_question_and_coming_back(talk: Talk) -> None:
    conversation, (first, second) = compare(talk, "second", "fake")
    talk.ask("What?", conversation, edit=str(first.parent_id))
    assert shown(talk, conversation)["comparison"] == []
    talk.post(f"/c/{conversation}/leaf/", {"message": str(first.parent_id)})
    body = shown(talk, conversation)
    assert [answer["id"] for answer in body["comparison"]] == [str(first.pk), str(second.pk)]
    assert body["leaf"] == str(first.pk)


# --- One of them again -----------------------------------------------------------------------------------------------


def test_another_attempt_takes_its_place(talk: Talk, upstream: Upstream) -> None:
    reply = talk.send("Which?", model=["fake/401", "fake/stall"])
    failing, stalling = begun(reply)
    finish(talk, failing)
    again = talk.post(f"/completions/{failing['completion']}/regenerate/")
    assert again.status == 201
    assert again.completion.model_name == "fake/401"
    talk.finish(again)
    conversation = str(reply.body["conversation"])
    body = shown(talk, conversation)
    assert [one["id"] for one in body["comparison"]] == [again.body["answer"], stalling["answer"]]
    assert body["leaf"] == again.body["answer"]
    twice = talk.post(f"/completions/{failing['completion']}/regenerate/")
    assert (twice.status, twice.code) == (409, "answer_running")
    running = talk.post(f"/completions/{stalling['completion']}/regenerate/")
    assert (running.status, running.code) == (409, "answer_running")
    talk.post(stalling["stop"])
    finish(talk, stalling)
    second = talk.post(f"/completions/{stalling['completion']}/regenerate/", {"model": "second"})
    talk.finish(second)
    assert shown(talk, conversation)["leaf"] == again.body["answer"]
    assert shown(talk, conversation)["model"] == "fake/401"


def test_one_is_continued_while_another_runs(talk: Talk, upstream: Upstream) -> None:
    upstream.play(Script("stall", ("Half",)))
    first = talk.send("Which?", model=["second", "fake/stall"])
    stopped, running = begun(first)
    if Message.objects.get(pk=stopped["answer"]).completions.get().model_name != "second":
        stopped, running = running, stopped
    events = parse(iter(talk.client.get(stopped["events"], {"format": "text"})))
    assert next(events).name == "delta"
    talk.post(stopped["stop"])
    assert finish(talk, stopped).status == "stopped"
    upstream.say(" and whole")
    more = talk.post(f"/completions/{stopped['completion']}/continue/")
    assert talk.finish(more).status == "complete"
    assert upstream.chats[-1].body["model"] == "second"
    assert shown(talk, str(first.body["conversation"]))["leaf"] == first.body["answer"]
    assert Message.objects.get(pk=running["answer"]).status == "running"
    talk.post(running["stop"])


def test_one_request_stops_all(talk: Talk, alice: User, bob: User) -> None:
    reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
    url = f"/c/{reply.body['conversation']}/stop/"
    assert Talk(signed_in(bob)).client.post(url).status_code == 404
    for _twice in range(2):
        assert talk.post(url).status == 202
    assert {finish(talk, answer).status for answer in begun(reply)} == {"stopped"}
    assert talk.client.post(url)["Location"] == f"/c/{reply.body['conversation']}/"
    assert_ledger_equals_counters(alice)


# --- What happens to all answers -------------------------------------------------------------------------------------


@pytest.fixture
def running(talk: Talk) -> Iterator[Reply]:
    reply = talk.send("Which?", model=["fake/stall", "fake/gated"])
    yield reply
    runtime.shut_down_thread()


def test_the_reaper_ends_each(talk: Talk, alice: User, running: Reply) -> None:
    later = timezone.now() + timedelta(minutes=1)
    assert completion.reap(later) == 2
    assert {row.status for row in Completion.objects.all()} == {"interrupted"}
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
    assert len(shown(talk, str(running.body["conversation"]))["comparison"]) == 2


def test_a_process_that_ends_interrupts_each(talk: Talk, alice: User, running: Reply) -> None:
    runtime.shut_down_thread()
    assert {row.status for row in Message.objects.filter(role="assistant")} == {"interrupted"}
    assert_ledger_equals_counters(alice)
    for answer in begun(running):
        again = talk.post(f"/completions/{answer['completion']}/regenerate/")
        assert again.status == 201
    assert len(shown(talk, str(running.body["conversation"]))["comparison"]) == 2


def test_deleting_the_conversation_ends_each(talk: Talk, alice: User, running: Reply) -> None:
    assert talk.client.post(f"/c/{running.body['conversation']}/delete/").status_code == 303
    assert not Conversation.objects.filter(deleted_at=None).exists()
    assert not Completion.objects.filter(status="running").exists()
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
