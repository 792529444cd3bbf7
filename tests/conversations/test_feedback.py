"""A person says what they think of an answer; administrators see how often, and nothing else."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation, Message
from tests.conversations.talk import JSON, Talk
from tests.upstream import Upstream


@pytest.fixture
def answer(alice: User) -> Message:
    conversation = Conversation.objects.create(owner=alice, title="Private")
    question = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content="A question"
    )
    return Message.objects.create(
        conversation=conversation,
        owner=alice,
        parent=question,
        role="assistant",
        content="An answer",
    )


def test_an_opinion_is_kept_changed_and_taken_back(alice_client: Client, answer: Message) -> None:
    talk = Talk(alice_client)
    for value in ("up", "down", "down", ""):
        reply = talk.post(f"/messages/{answer.pk}/feedback/", {"value": value})
        assert (reply.status, reply.body) == (
            200,
            {"message": str(answer.pk), "value": value},
        )
        answer.refresh_from_db()
        assert answer.feedback == value


def test_a_form_leads_back_to_the_answer(alice_client: Client, answer: Message) -> None:
    url = f"/messages/{answer.pk}/feedback/"
    response = alice_client.post(url, {"value": "up"})
    page = f"/c/{answer.conversation_id}/"
    assert (response.status_code, response["Location"]) == (303, f"{page}#message-{answer.pk}")
    Conversation.objects.filter(pk=answer.conversation_id).update(current_leaf=answer)
    html = alice_client.get(page).content.decode()
    assert html.count('aria-pressed="true"') == 1
    alice_client.post(url, {"value": ""})
    assert 'aria-pressed="true"' not in alice_client.get(page).content.decode()


@pytest.mark.parametrize("value", ["left", "UP", 1, None, ["up"]])
def test_only_these_values(alice_client: Client, answer: Message, value: object) -> None:
    reply = Talk(alice_client).post(f"/messages/{answer.pk}/feedback/", {"value": value})
    assert reply.status == (200 if value is None else 400)
    answer.refresh_from_db()
    assert answer.feedback == ""


def test_ones_own_words_are_not_rated(alice_client: Client, answer: Message) -> None:
    reply = Talk(alice_client).post(f"/messages/{answer.parent_id}/feedback/", {"value": "up"})
    assert (reply.status, reply.code) == (409, "not_possible")


def test_stranger_gets_404(bob_client: Client, answer: Message) -> None:
    url = f"/messages/{answer.pk}/feedback/"
    assert bob_client.post(url, {"value": "up"}, headers=JSON).status_code == 404
    answer.refresh_from_db()
    assert answer.feedback == ""


def test_administrators_see_numbers(sasha_client: Client, answer: Message, sasha: User) -> None:
    User.objects.filter(pk=sasha.pk).update(is_superuser=True)
    Message.objects.filter(pk=answer.pk).update(feedback="down")
    html = sasha_client.get("/admin/conversations/conversation/").content.decode()
    assert '<td class="field-good_answers">0</td>' in html
    assert '<td class="field-bad_answers">1</td>' in html
    assert "An answer" not in html


def test_an_answer_without_a_word_is_only_retried(talk: Talk, upstream: Upstream) -> None:
    reply = talk.send("Hello [[script: 500]]")
    talk.finish(reply)
    page = talk.client.get(f"/c/{reply.body['conversation']}/").content.decode()
    answer = page.split("<article")[2].split("</article>")[0]
    assert "Retry" in answer
    assert "Good answer" not in answer
    assert "Branch in new chat" not in answer
