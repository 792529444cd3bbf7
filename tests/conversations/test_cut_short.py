"""Answers that their endpoint ended before they were whole: complete, with a word on why, and what may follow."""

from __future__ import annotations

import pytest

from accounts.models import User
from tests.conversations.talk import JSON, Reply, Talk, assert_ledger_equals_counters
from tests.upstream import Script, Upstream

LENGTH = "reached its longest length"
FILTER = "a filter of the model&#x27;s endpoint"


def cut(talk: Talk, upstream: Upstream, reason: str, *pieces: str) -> Reply:
    """An answer with that finish_reason, read to its end."""
    upstream.say(*pieces, options=f"reason={reason}")
    reply = talk.send("Count")
    talk.finish(reply)
    return reply


def continue_url(reply: Reply) -> str:
    return f"/completions/{reply.body['completion']}/continue/"


def regenerate_url(reply: Reply) -> str:
    return f"/completions/{reply.body['completion']}/regenerate/"


def page_of(talk: Talk, reply: Reply) -> str:
    return talk.client.get(reply.body["url"]).content.decode()


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_it_is_complete_and_its_code_says_why(
    talk: Talk, upstream: Upstream, alice: User, reason: str
) -> None:
    reply = cut(talk, upstream, reason, "One ", "two")
    answer = reply.answer
    assert (answer.status, answer.error_code, answer.content) == ("complete", reason, "One two")
    stands = talk.client.get(f"/completions/{reply.body['completion']}/", headers=JSON).json()
    assert (stands["status"], stands["code"], stands["text"]) == ("complete", reason, "One two")
    *_, end = talk.events(reply)
    assert (end.data["status"], end.data["code"]) == ("complete", reason)
    assert "ends here" in end.data["message"]
    assert_ledger_equals_counters(alice)


def test_the_longest_length_has_a_line_and_continue(talk: Talk, upstream: Upstream) -> None:
    reply = cut(talk, upstream, "length", "One two")
    page = page_of(talk, reply)
    assert LENGTH in page
    assert continue_url(reply) in page
    assert regenerate_url(reply) in page
    assert "message-error" not in page


def test_a_filter_has_a_line_and_no_continue(talk: Talk, upstream: Upstream) -> None:
    reply = cut(talk, upstream, "content_filter", "One two")
    page = page_of(talk, reply)
    assert FILTER in page
    assert continue_url(reply) not in page
    assert regenerate_url(reply) in page
    assert "message-error" not in page
    refused = talk.post(continue_url(reply))
    assert (refused.status, refused.code) == (409, "not_possible")


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "eos"])
def test_any_other_reason_is_a_whole_answer(talk: Talk, upstream: Upstream, reason: str) -> None:
    reply = cut(talk, upstream, reason, "One two")
    assert (reply.answer.status, reply.answer.error_code) == ("complete", "")
    assert "ends here" not in page_of(talk, reply)
    assert talk.post(continue_url(reply)).status == 409


def test_it_is_continued_until_it_is_whole(talk: Talk, upstream: Upstream, alice: User) -> None:
    first = cut(talk, upstream, "length", "One two")
    upstream.say(" three", options="reason=length")
    second = talk.post(continue_url(first))
    assert second.body["answer"] == first.body["answer"]
    assert talk.finish(second).error_code == "length"
    upstream.say(" four")
    third = talk.post(continue_url(second))
    answer = talk.finish(third)
    assert (answer.status, answer.error_code) == ("complete", "")
    assert answer.content == "One two three four"
    sent = upstream.chats[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == "One two three"
    page = page_of(talk, third)
    assert LENGTH not in page
    assert continue_url(third) not in page
    assert talk.post(continue_url(third)).status == 409
    assert [row.error_code for row in answer.completions.order_by("started_at")] == [
        "length",
        "length",
        "",
    ]
    assert_ledger_equals_counters(alice)


def test_the_limit_of_the_drawer_is_such_a_length(talk: Talk, upstream: Upstream) -> None:
    upstream.say("One ", "two ", "three")
    reply = talk.send("Count", max_tokens=2)
    answer = talk.finish(reply)
    assert (answer.content, answer.error_code) == ("One two ", "length")
    upstream.say("three")
    assert talk.finish(talk.post(continue_url(reply))).content == "One two three"


def test_once_the_conversation_goes_on_only_the_line_is_left(
    talk: Talk, upstream: Upstream
) -> None:
    reply = cut(talk, upstream, "length", "One two")
    talk.ask("Never mind", str(reply.body["conversation"]))
    page = page_of(talk, reply)
    assert LENGTH in page
    assert continue_url(reply) not in page
    assert talk.post(continue_url(reply)).status == 409


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_without_a_word_it_can_only_be_tried_again(
    talk: Talk, upstream: Upstream, reason: str
) -> None:
    """A model may spend its longest length on thinking; a filter may leave nothing."""
    upstream.play(Script.parse(f"empty reason={reason}"))
    reply = talk.send("Count")
    answer = talk.finish(reply)
    assert (answer.status, answer.error_code, answer.content) == ("complete", reason, "")
    page = page_of(talk, reply)
    assert "message-error" in page
    assert regenerate_url(reply) in page
    assert continue_url(reply) not in page
    assert talk.post(continue_url(reply)).status == 409


def test_a_branch_of_it_can_be_continued(talk: Talk, upstream: Upstream) -> None:
    reply = cut(talk, upstream, "length", "One two")
    branched = talk.post(
        f"/c/{reply.body['conversation']}/branch/", {"message": reply.body["answer"]}
    )
    page = talk.client.get(branched.body["url"], headers=JSON).json()
    copy = page["messages"][-1]
    assert (copy["status"], copy["code"]) == ("complete", "length")
    upstream.say(" three")
    more = talk.post(f"/completions/{copy['completion']}/continue/")
    assert talk.finish(more).content == "One two three"
