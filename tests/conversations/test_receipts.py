"""What an answer cost and what was sent for it, put together again: byte for byte what the endpoint received."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations.models import ChatModel, Completion, Conversation, Message, RolePreset
from conversations.receipts import Receipt, receipts_of, sent_for
from tests.conversations.talk import Reply, Talk, record_of
from tests.upstream import Upstream


def rebuilt(completion: Completion) -> bytes:
    sent = sent_for(completion)
    assert sent is not None
    return as_bytes(list(sent.messages))


def as_bytes(messages: list[Any]) -> bytes:
    return json.dumps(messages, ensure_ascii=False).encode()


def received(upstream: Upstream) -> bytes:
    return as_bytes(upstream.chats[-1].body["messages"])


def receipt(message: Message) -> Receipt:
    (found,) = receipts_of(message)
    return found


@pytest.fixture
def teacher(alice: User) -> RolePreset:
    User.objects.filter(pk=alice.pk).update(custom_instructions="  Call me {{topic}}, 请。 ")
    return RolePreset.objects.create(
        owner=alice,
        slug="teacher",
        name="Teacher",
        instruction="Teach {{topic}} to {{who}}.\n",
        few_shot_turns=[
            {"role": "user", "content": "Why “tea”?"},
            {"role": "assistant", "content": "Because.\n\n茶"},
        ],
    )


def test_preset_variables_examples_and_custom_instructions(
    talk: Talk, upstream: Upstream, teacher: RolePreset, alice: User
) -> None:
    variables = {"topic": "tea {{who}}"}
    first = talk.ask("Begin", preset=str(teacher.pk), variables=variables)
    told = received(upstream)
    assert b"Call me {{topic}}" in told
    assert b"Teach tea {{who}} to {{who}}." in told
    completion = first.completions.get()
    assert rebuilt(completion) == told
    # What is changed afterwards changes nothing about what was sent.
    RolePreset.objects.filter(pk=teacher.pk).update(instruction="Other", few_shot_turns=[])
    User.objects.filter(pk=alice.pk).update(custom_instructions="")
    second = talk.ask("Go on", str(first.conversation_id), variables={"topic": "coffee"})
    assert rebuilt(second.completions.get()) == received(upstream)
    assert rebuilt(completion) == told
    teacher.delete()
    assert rebuilt(completion) == told


def test_custom_instructions_alone_are_not_filled(
    talk: Talk, upstream: Upstream, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(custom_instructions="Say {{x}}")
    answer = talk.ask("Hello")
    assert rebuilt(answer.completions.get()) == received(upstream)


def test_edited_and_regenerated(talk: Talk, upstream: Upstream) -> None:
    first = talk.ask("One")
    conversation = str(first.conversation_id)
    talk.ask("Two", conversation)
    told = received(upstream)
    second = Message.objects.get(content="Two")
    edited = talk.send("Two, edited", conversation, edit=str(second.pk))
    talk.finish(edited)
    assert rebuilt(edited.completion) == received(upstream)
    assert rebuilt(second.children.get().completions.get()) == told
    again = talk.post(f"/completions/{edited.completion.pk}/regenerate/")
    talk.finish(again)
    assert rebuilt(again.completion) == received(upstream)


def test_each_of_those_compared(talk: Talk, upstream: Upstream, more_models: None) -> None:
    sent = talk.send("Which?", model=["fake", "second"])
    for part in sent.body["answers"]:
        talk.finish(Reply(201, part))
        completion = Completion.objects.get(pk=part["completion"])
        (call,) = [c for c in upstream.chats if c.body["model"] == completion.model_name]
        assert rebuilt(completion) == as_bytes(call.body["messages"])


def test_continued_has_a_receipt_for_each_part(talk: Talk, upstream: Upstream) -> None:
    sent = talk.send("Tell me a story [cut]")
    upstream_told = []
    talk.finish(sent)
    upstream_told.append(received(upstream))
    Message.objects.filter(pk=sent.answer.pk).update(status="stopped")
    for _again in range(2):
        more = talk.post(
            f"/completions/{sent.answer.completions.latest('started_at').pk}/continue/"
        )
        talk.finish(more)
        upstream_told.append(received(upstream))
        Message.objects.filter(pk=sent.answer.pk).update(status="stopped")
    found = receipts_of(sent.answer)
    assert [as_bytes(list(one.sent.messages)) for one in found if one.sent] == upstream_told


def test_says_how_much_was_left_out(talk: Talk, upstream: Upstream, chat_model: ChatModel) -> None:
    ChatModel.objects.update(context_window=1024, max_output_tokens=256)
    first = talk.ask("word " * 300)
    second = talk.ask("word " * 300, str(first.conversation_id))
    assert rebuilt(second.completions.get()) == received(upstream)
    found = receipt(second)
    assert found.sent is not None
    assert (len(found.sent.messages), found.sent.left_out) == (1, 2)


def test_tokens_price_and_speed_are_the_ledgers(talk: Talk) -> None:
    answer = talk.ask("Hello", temperature="0.5")
    found, record = receipt(answer), record_of(answer.completions.get())
    assert (found.tokens_in, found.tokens_out) == (record.tokens_in, record.tokens_out)
    assert found.money == record.money > Decimal(0)
    assert found.parameters["temperature"] == 0.5
    assert found.seconds_to_first_token is not None
    assert found.seconds is not None
    assert 0 <= found.seconds_to_first_token <= found.seconds
    assert not found.estimated


def test_a_copy_says_that_nothing_was_sent_for_it(talk: Talk) -> None:
    answer = talk.ask("Hello")
    talk.post(f"/c/{answer.conversation_id}/branch/", {"message": str(answer.pk)})
    copy = Message.objects.exclude(conversation=answer.conversation_id).get(role="assistant")
    assert receipt(copy).sent is None
    page = talk.client.get(f"/messages/{copy.pk}/receipt/")
    assert "is a copy from another conversation" in page.content.decode()


def test_a_thousand_turns_cost_a_thousand_small_records(talk: Talk, alice: User) -> None:
    """What is recorded does not grow with the conversation, and neither do the queries that read it."""
    conversation = Conversation.objects.create(owner=alice, title="Long")
    parent: Message | None = None
    rows = []
    for number in range(2_000):
        role = "assistant" if number % 2 else "user"
        parent = Message(
            conversation=conversation, owner=alice, parent=parent, role=role, content=f"{number} x"
        )
        rows.append(parent)
    Message.objects.bulk_create(rows)
    Conversation.objects.filter(pk=conversation.pk).update(current_leaf=parent)
    short = talk.ask("Hello")
    long = talk.ask("And now?", str(conversation.pk))
    sizes = [len(json.dumps(one.completions.get().prompt)) for one in (short, long)]
    assert sizes[1] < sizes[0] + 10
    queries = []
    for answer in (short, long):
        with CaptureQueriesContext(connection) as captured:
            found = receipt(answer)
        queries.append(len(captured))
    assert queries[0] == queries[1] <= 6
    assert found.sent is not None
    assert len(found.sent.messages) + found.sent.left_out == 2_001


def test_page_and_json(talk: Talk, client: Client, bob: User) -> None:
    answer = talk.ask("Where is <b>it</b>?")
    url = f"/messages/{answer.pk}/receipt/"
    assert f'href="{url}"' in client.get(f"/c/{answer.conversation_id}/").content.decode()
    page = client.get(url).content.decode()
    assert "Where is &lt;b&gt;it&lt;/b&gt;?" in page
    body = client.get(url, headers={"accept": "application/json"}).json()
    (part,) = body["completions"]
    assert part["sent"]["messages"][-1] == {"role": "user", "content": "Where is <b>it</b>?"}
    question = answer.parent_id
    assert client.get(f"/messages/{question}/receipt/").status_code == 409
    client.force_login(bob)
    assert client.get(url).status_code == 404
