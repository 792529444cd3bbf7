"""Many at once: quotas are exact, and nothing is written twice."""

from __future__ import annotations

from functools import partial

from django.test import Client

from accounts.models import Plan, Reservation, User
from conversations.models import ChatModel, Conversation
from tests.at_once import at_once
from tests.conversations.talk import Reply, Talk, assert_ledger_equals_counters
from tests.upstream import Upstream


def test_fifty_sends_at_once_with_ten_left(
    alice: User, chat_model: ChatModel, upstream: Upstream
) -> None:
    plan = Plan.objects.create(name="Ten", requests_per_day=10)
    User.objects.filter(pk=alice.pk).update(plan=plan)
    client = Client()
    client.force_login(alice)
    cookies = client.cookies

    def send(number: int) -> Reply:
        mine = Client()
        mine.cookies = cookies
        return Talk(mine).send(f"Number {number}")

    replies = at_once(*(partial(send, number) for number in range(50)))
    accepted = [reply for reply in replies if reply.status == 201]
    refused = [reply for reply in replies if reply.status != 201]
    assert len(accepted) == 10
    assert {(reply.status, reply.code) for reply in refused} == {(429, "quota_requests")}
    for reply in accepted:
        assert Talk(client).finish(reply).status == "complete"
    assert len(upstream.chats) == 10
    assert Conversation.objects.count() == 10
    assert not Reservation.objects.exists()
    assert_ledger_equals_counters(alice)
