"""What pages and sends cost: the same number of queries however much there is."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations.models import Completion, Conversation, Message
from tests.conversations.talk import Talk
from tests.upstream import Upstream


def grow(alice: User, conversations: int, messages: int) -> Conversation:
    """So many conversations, the last of them with so many messages."""
    Conversation.objects.bulk_create(
        Conversation(owner=alice, title=f"Number {number}") for number in range(conversations)
    )
    last = Conversation.objects.create(owner=alice, title="Long")
    parent: Message | None = None
    rows = []
    for number in range(messages):
        role = Message.Role.ASSISTANT if number % 2 else Message.Role.USER
        parent = Message(
            conversation=last, owner=alice, parent=parent, role=role, content=f"Message {number}"
        )
        rows.append(parent)
    Message.objects.bulk_create(rows)
    Completion.objects.bulk_create(
        Completion(message=row, conversation=last, model_name="fake", status="complete")
        for row in rows
        if row.role == Message.Role.ASSISTANT
    )
    last.current_leaf = parent
    last.save()
    return last


def queries(talk: Talk, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert talk.client.get(url).status_code == 200
    return len(captured)


def test_page_costs_the_same_for_three_and_for_thirty(talk: Talk, alice: User) -> None:
    small = queries(talk, f"/c/{grow(alice, 3, 4).pk}/")
    large = queries(talk, f"/c/{grow(alice, 30, 40).pk}/")
    assert small == large <= 14


def test_new_page(talk: Talk, alice: User) -> None:
    grow(alice, 3, 4)
    assert queries(talk, "/") <= 10


def test_window_of_a_long_conversation(talk: Talk, alice: User) -> None:
    long = grow(alice, 0, 500)
    page = talk.client.get(f"/c/{long.pk}/").content.decode()
    assert "Message 499" in page
    assert "Message 440<" not in page
    before = page.split("?before=")[1].split('"')[0]
    older = talk.client.get(f"/c/{long.pk}/?before={before}").content.decode()
    assert "Message 449" in older
    assert "Message 499" not in older
    part = talk.client.get(f"/c/{long.pk}/?before={before}&part=messages").content.decode()
    assert "Message 449" in part
    assert "<html" not in part


def test_the_window_around_a_message(talk: Talk, alice: User) -> None:
    """After another version of it was chosen, the page that one is led to has it, however far up it is."""
    long = grow(alice, 0, 200)
    messages = {message.content: message for message in long.messages.all()}
    for number, has_newest in ((0, False), (1, False), (149, False), (150, True), (199, True)):
        message = messages[f"Message {number}"]
        reply = talk.post(f"/c/{long.pk}/leaf/", {"message": str(message.pk)})
        assert reply.status == 200
        assert (reply.body["url"] == f"/c/{long.pk}/") == has_newest
        page = talk.client.get(reply.body["url"]).content.decode()
        assert f'id="message-{message.pk}"' in page
        assert ("Message 199" in page) == has_newest
        assert ("Back to the newest messages" in page) != has_newest
        form = talk.client.post(f"/c/{long.pk}/leaf/", {"message": str(message.pk)})
        assert form.headers["Location"] == f"{reply.body['url']}#message-{message.pk}"


def test_a_message_far_up_can_be_edited_without_scripts(talk: Talk, alice: User) -> None:
    long = grow(alice, 0, 200)
    question, answer = long.messages.filter(content__in=["Message 10", "Message 11"])
    box = ">Message 10</textarea>"
    assert box in talk.client.get(f"/c/{long.pk}/?edit={question.pk}").content.decode()
    for other in (f"/?edit={question.pk}", f"/c/{long.pk}/?edit={answer.pk}"):
        assert "Message 1" not in talk.client.get(other).content.decode().split("<textarea")[1]


def test_a_window_takes_as_long_in_a_conversation_ten_times_as_long(
    talk: Talk, alice: User
) -> None:
    urls = [f"/c/{grow(alice, 0, messages).pk}/" for messages in (500, 5_000)]
    assert queries(talk, urls[0]) == queries(talk, urls[1])
    short, long = (best_of_ten(talk, url) for url in urls)
    assert long < 2 * short


def best_of_ten(talk: Talk, url: str) -> float:
    """Seconds of CPU for one page, when nothing else is in the way."""
    measured = []
    for _ in range(10):
        started = time.thread_time()
        talk.client.get(url)
        measured.append(time.thread_time() - started)
    return min(measured)


@pytest.mark.parametrize("messages", [4, 400])
def test_send_costs_the_same_in_a_long_conversation(
    talk: Talk, upstream: Upstream, alice: User, messages: int
) -> None:
    long = grow(alice, 0, messages)
    with CaptureQueriesContext(connection) as captured:
        reply = talk.send("And now?", str(long.pk))
    assert reply.status == 201
    assert len(captured) <= 32
    talk.finish(reply)
