"""What a send begins: once for each name, on its branch, with its history, within the quota and the window."""

from __future__ import annotations

import uuid
from functools import partial

import pytest

from accounts.models import Plan, User
from conversations.models import ChatModel, Message
from tests.at_once import at_once
from tests.conversations.talk import JSON, Talk, assert_ledger_equals_counters
from tests.upstream import Script, Upstream


def test_same_send_twice_spends_once(talk: Talk, upstream: Upstream, alice: User) -> None:
    key = str(uuid.uuid4())
    first = talk.send("Hello", client_id=key)
    talk.finish(first)
    second = talk.send("Hello", client_id=key)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert len(upstream.chats) == 1
    other = talk.send("Something else", client_id=key)
    assert (other.status, other.code) == (409, "client_id_reused")


@pytest.mark.parametrize("known", [False, True])
def test_same_send_at_the_same_moment_spends_once(
    talk: Talk, upstream: Upstream, alice: User, known: bool
) -> None:
    conversation = None
    if known:
        first = talk.send("First")
        talk.finish(first)
        conversation = first.body["conversation"]
    before = len(upstream.chats)
    key = str(uuid.uuid4())
    send = partial(talk.send, "Hello", conversation, client_id=key)
    replies = at_once(*[send] * 5)
    talk.finish(replies[0])
    assert sorted(reply.status for reply in replies) == [200, 200, 200, 200, 201]
    assert len({reply.body["completion"] for reply in replies}) == 1
    assert len(upstream.chats) == before + 1


def test_second_send_while_an_answer_runs(talk: Talk, upstream: Upstream) -> None:
    upstream.play("stall")
    first = talk.send("Hello")
    second = talk.send("And?", first.body["conversation"])
    assert (second.status, second.code) == (409, "answer_running")
    talk.post(first.body["stop"])
    talk.finish(first)


def test_regenerate_keeps_the_old_answer(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("Hello")
    old = talk.finish(first)
    upstream.say("Another")
    again = talk.post(f"/completions/{first.body['completion']}/regenerate/")
    new = talk.finish(again)
    assert new.pk != old.pk
    assert new.parent_id == old.parent_id
    old.refresh_from_db()
    assert old.status == "complete"
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["messages"][-1]["content"] == "Another"
    assert page["messages"][-1]["siblings"] == [str(old.pk), str(new.pk)]
    assert (
        talk.post(f"/c/{first.body['conversation']}/leaf/", {"message": str(old.pk)}).status == 200
    )
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["leaf"] == str(old.pk)


def test_edit_makes_a_branch(talk: Talk, upstream: Upstream) -> None:
    first = talk.send("Hello")
    talk.finish(first)
    edited = talk.send("Goodbye", first.body["conversation"], edit=first.body["message"])
    talk.finish(edited)
    assert [message["content"] for message in upstream.chats[-1].body["messages"]] == ["Goodbye"]
    message = Message.objects.get(pk=edited.body["message"])
    assert message.parent_id is None
    page = talk.client.get(first.body["url"], headers=JSON).json()
    assert page["messages"][0]["siblings"] == [first.body["message"], edited.body["message"]]


def test_continue_appends_to_the_same_message(talk: Talk, upstream: Upstream, alice: User) -> None:
    upstream.play(Script("stall", ("One two",)))
    first = talk.send("Count")
    stream = talk.events(first, format="text")
    next(stream)
    talk.post(first.body["stop"])
    list(stream)
    upstream.say(" three", " four")
    again = talk.post(f"/completions/{first.body['completion']}/continue/")
    assert again.status == 201
    assert again.body["answer"] == first.body["answer"]
    answer = talk.finish(again)
    assert (answer.status, answer.content) == ("complete", "One two three four")
    sent = upstream.chats[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert again.completion.start_position == len("One two")
    assert talk.post(f"/completions/{again.body['completion']}/continue/").status == 409
    assert_ledger_equals_counters(alice)


def test_history_is_sent_back(talk: Talk, upstream: Upstream) -> None:
    upstream.say("Pleased to meet you.")
    first = talk.send("I am Ann.")
    talk.finish(first)
    talk.ask("Who am I?", first.body["conversation"])
    assert upstream.chats[-1].body["messages"] == [
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": "Pleased to meet you."},
        {"role": "user", "content": "Who am I?"},
    ]


def test_quota_gone(talk: Talk, upstream: Upstream, alice: User, bob: User) -> None:
    plan = Plan.objects.create(name="Two", requests_per_day=2)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    talk.ask("One")
    talk.ask("Two")
    reply = talk.send("Three")
    assert (reply.status, reply.code) == (429, "quota_requests")
    assert reply.body["error"]["limit"] == 2
    assert reply.body["error"]["resets_at"]
    page = talk.client.post("/c/", {"content": "Three, kept", "client_id": str(uuid.uuid4())})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert "Three, kept" in page.content.decode()
    assert len(upstream.chats) == 2


def test_shrinks_the_answer_before_refusing(talk: Talk, upstream: Upstream, alice: User) -> None:
    plan = Plan.objects.create(name="Tight", tokens_per_day=500)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    talk.ask("Hello")
    assert 256 <= upstream.chats[-1].body["max_tokens"] < 500
    alice.refresh_from_db()
    plan.tokens_per_day = 100
    plan.save()
    assert talk.send("Hello again").code == "quota_tokens"


def test_long_history_is_trimmed_to_the_window(
    talk: Talk, upstream: Upstream, chat_model: ChatModel
) -> None:
    ChatModel.objects.update(context_window=1024, max_output_tokens=256)
    first = talk.send("word " * 300)
    talk.finish(first)
    second = talk.send("word " * 300, first.body["conversation"])
    talk.finish(second)
    assert len(upstream.chats[-1].body["messages"]) == 1
    assert second.completion.prompt["left_out"] > 0
    too_long = talk.send("word " * 3000)
    assert (too_long.status, too_long.code) == (413, "message_too_long")


def test_refused_page_keeps_the_chosen_role(talk: Talk, alice: User) -> None:
    plan = Plan.objects.create(name="None", requests_per_day=0)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    page = talk.client.post("/c/", {"content": "Hello", "preset": "translator"})
    assert page.status_code == 429
    assert page.context["current_preset"].key == "translator"
