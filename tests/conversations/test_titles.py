"""Titles: the first line for nothing, or, for whoever wants it, one that a model makes and the ledger shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import quotas
from accounts.models import DailyUsage, Plan, Reservation, UsageRecord, User
from conversations import titles
from conversations.models import Conversation, Message
from tests.conversations.talk import Talk, assert_ledger_equals_counters
from tests.processes import wait_for
from tests.upstream import Script, Upstream

Outcome, Service = UsageRecord.Outcome, UsageRecord.Service
QUESTION = "Why do leaves turn red?\nTell me all."
FIRST_LINE = "Why do leaves turn red?"


@pytest.fixture
def wanted(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(model_titles=True)


def settled(answer: Message) -> tuple[Conversation, UsageRecord | None]:
    """Once nothing is being made any more: the conversation, and the ledger's row of its title."""

    def done() -> bool:
        return not Conversation.objects.filter(
            pk=answer.conversation_id, title_due__isnull=False
        ).exists()

    wait_for(done, what="an end to the title")
    record = UsageRecord.objects.filter(service=Service.TITLES).first()
    return Conversation.objects.get(pk=answer.conversation_id), record


def ask(talk: Talk, upstream: Upstream, title: Script) -> tuple[Conversation, UsageRecord | None]:
    upstream.play(Script("answer", ("Because the green goes.",)), title)
    return settled(talk.ask(QUESTION))


def test_without_asking_for_it_no_call_is_made(talk: Talk, upstream: Upstream) -> None:
    conversation, record = settled(talk.ask(QUESTION))
    assert (conversation.title, record) == (FIRST_LINE, None)
    assert len(upstream.chats) == 1


@pytest.mark.usefixtures("wanted")
def test_made_after_the_first_answer_and_paid(
    talk: Talk, upstream: Upstream, alice: User, client: Client
) -> None:
    conversation, record = ask(talk, upstream, Script("answer", ("Red", " leaves")))
    assert (conversation.title, conversation.titled_by_person) == ("Red leaves", False)
    told = upstream.chats[1].body
    assert told["messages"][0] == {"role": "system", "content": titles.INSTRUCTION}
    assert told["messages"][1]["content"] == f"{QUESTION}\n\nBecause the green goes."
    assert told["model"] == "fake"
    assert record is not None
    assert (record.outcome, record.model_name, record.requests) == (Outcome.COMPLETE, "fake", 1)
    assert record.tokens_out == 2
    assert DailyUsage.objects.get(service=Service.TITLES).tokens_out == 2
    assert_ledger_equals_counters(alice)
    usage = client.get("/usage/").content.decode()
    assert "<small>titles</small>" in usage
    answer = Message.objects.get(role="assistant")
    receipt = client.get(f"/messages/{answer.pk}/receipt/")
    assert "The title of this conversation" in receipt.content.decode()
    json = client.get(f"/messages/{answer.pk}/receipt/", headers={"accept": "application/json"})
    assert json.json()["title"]["tokens_out"] == 2
    assert "Red leaves" in client.get("/").content.decode()
    talk.ask("And in spring?", str(conversation.pk))
    assert len(upstream.chats) == 3


@pytest.mark.usefixtures("wanted")
def test_while_it_is_made(talk: Talk, upstream: Upstream, alice: User, client: Client) -> None:
    """The page knows that it comes, and it is no answer that others wait for."""
    plan = Plan.objects.create(name="One at once", concurrent_completions=1)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    upstream.play(Script("answer", ("Because.",)), Script.parse("gated headers=1", "Red"))
    answer = talk.ask(QUESTION)
    upstream.wait_for_requests(2)
    address = f"/c/{answer.conversation_id}/"
    assert "data-due" in client.get(address).content.decode()
    assert Reservation.objects.get().service == Service.TITLES
    talk.ask("And in spring?", str(answer.conversation_id))
    upstream.release()
    conversation, _record = settled(answer)
    assert conversation.title == "Red"
    assert "data-due" not in client.get(address).content.decode()


def renamed(talk: Talk, conversation: str) -> None:
    talk.post(f"/c/{conversation}/rename/", {"title": "Mine"})


def deleted(talk: Talk, conversation: str) -> None:
    talk.post(f"/c/{conversation}/delete/")


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize(("meanwhile", "title"), [(renamed, "Mine"), (deleted, FIRST_LINE)])
def test_what_its_person_does_meanwhile_counts(
    talk: Talk,
    upstream: Upstream,
    alice: User,
    meanwhile: Callable[[Talk, str], None],
    title: str,
) -> None:
    upstream.play(Script("answer", ("Because.",)), Script.parse("gated headers=1", "Red"))
    answer = talk.ask(QUESTION)
    upstream.wait_for_requests(2)
    meanwhile(talk, str(answer.conversation_id))
    upstream.release()
    conversation, record = settled(answer)
    assert conversation.title == title
    assert record is not None  # the call was made
    assert_ledger_equals_counters(alice)


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("script", ["404", "empty", "cut"])
def test_an_endpoint_that_fails_leaves_the_first_line(
    talk: Talk, upstream: Upstream, alice: User, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    conversation, record = ask(talk, upstream, Script(script, ()))
    assert conversation.title == FIRST_LINE
    assert record is not None
    if script != "empty":
        assert (record.outcome, record.requests) == (Outcome.FAILED, 0)
        assert f"Conversation {conversation.pk} keeps its first title" in caplog.text
    assert_ledger_equals_counters(alice)


@pytest.mark.usefixtures("wanted")
def test_a_quota_that_is_used_up_leaves_the_first_line(
    talk: Talk, upstream: Upstream, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan.objects.create(name="One", requests_per_day=1)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    conversation, record = settled(talk.ask(QUESTION))
    assert (conversation.title, record) == (FIRST_LINE, None)
    assert len(upstream.chats) == 1
    assert "keeps its first title: quota_requests" in caplog.text
    assert_ledger_equals_counters(alice)


@pytest.mark.usefixtures("wanted")
def test_an_answer_that_failed_gives_no_title(talk: Talk, upstream: Upstream) -> None:
    upstream.play("404")
    conversation, record = settled(talk.ask(QUESTION))
    assert (conversation.title, record) == (FIRST_LINE, None)


@pytest.mark.usefixtures("wanted", "more_models")
def test_one_title_for_a_comparison(talk: Talk, upstream: Upstream) -> None:
    sent = talk.send(QUESTION, model=["fake", "second"])
    for part in sent.body["answers"]:
        wait_for(
            lambda id=part["answer"]: Message.objects.get(pk=id).status == "complete",  # type: ignore[misc]
            what="an answer",
        )
    upstream.wait_for_requests(3)
    settled(Message.objects.filter(role="assistant")[0])
    assert UsageRecord.objects.filter(service=Service.TITLES).count() == 1


def test_a_call_whose_process_died_is_a_title_in_the_ledger(alice: User) -> None:
    now = timezone.now()
    key, none = titles.call_id(Message().pk), quotas.NO_LIMITS
    quotas.reserve(
        alice,
        key=key,
        limits=none,
        tokens=9,
        least_tokens=9,
        service=Service.TITLES,
        is_call=True,
        now=now - timedelta(hours=1),
    )
    assert quotas.release_abandoned(now=now) == 1
    assert UsageRecord.objects.get().service == Service.TITLES


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("Red leaves", "Red leaves"),
        ('"Red leaves"\n\nI hope it fits!', "Red leaves"),
        ("\n**Title: Red leaves**", "Red leaves"),
        ("# Red leaves", "Red leaves"),
        ("标题：《秋叶》", "秋叶"),
        ("<think>What is it?\nRed.</think>\nRed leaves", "Red leaves"),
        ("Red\u202e leaves\x00", "Red leaves"),
        ("word " * 100, "word " * 15 + "word…"),
        ("  \n\u200b\n", ""),
        ('""', ""),
    ],
)
def test_only_the_title_is_taken_of_a_reply(reply: str, title: str) -> None:
    assert titles.cleaned(reply) == title


def test_chosen_in_the_profile(alice: User, alice_client: Client) -> None:
    page = alice_client.get("/settings/profile/").content.decode()
    assert 'name="model_titles"' in page
    fields = {"username": "alice", "language": "", "custom_instructions": ""}
    alice_client.post("/settings/profile/", {**fields, "model_titles": "on"})
    alice.refresh_from_db()
    assert alice.model_titles
    alice_client.post("/settings/profile/", fields)
    alice.refresh_from_db()
    assert not alice.model_titles
