"""Quotas while an answer is written: plans and people that go, and endpoints that count wrongly."""

from __future__ import annotations

import pytest

from accounts.models import Plan, UsageRecord, User
from tests.conversations.talk import Talk, assert_ledger_equals_counters, record_of
from tests.upstream import Script, Upstream

USAGES = [
    '{"prompt_tokens":null,"completion_tokens":null}',
    '{"prompt_tokens":-9,"completion_tokens":-9}',
    '{"prompt_tokens":9,"completion_tokens":-1000000}',
    '{"prompt_tokens":1e400,"completion_tokens":1e400}',
    '{"prompt_tokens":NaN,"completion_tokens":NaN}',
    f'{{"prompt_tokens":{10**40},"completion_tokens":{10**40}}}',
    f'{{"prompt_tokens":{2**63},"completion_tokens":5}}',
    '{"prompt_tokens":"9","completion_tokens":"9"}',
    '{"prompt_tokens":true,"completion_tokens":[]}',
    '{"prompt_tokens":9}',
    '{"completion_tokens":9}',
    '{"prompt_tokens":9,"completion_tokens":0}',
    '{"prompt_tokens":9,"completion_tokens":50000000}',
    '{"prompt_tokens":50000000,"completion_tokens":9}',
    '["prompt_tokens"]',
    '"many"',
    "17",
]


def put_on_plan(user: User, **limits: int) -> None:
    plan = Plan.objects.create(name=f"Plan {Plan.objects.count()}", **limits)
    User.objects.filter(pk=user.pk).update(plan=plan)


@pytest.mark.parametrize("usage", USAGES)
def test_an_answer_counted_wrongly_is_counted_by_us(
    talk: Talk, upstream: Upstream, alice: User, usage: str
) -> None:
    upstream.play(Script("absurd-usage", ("Hello ", "world"), {"usage": usage}))
    reply = talk.send("Hello")
    assert talk.finish(reply).status == "complete"
    assert_counted_by_us(record_of(reply.completion), alice)


def assert_counted_by_us(record: UsageRecord, user: User) -> None:
    assert (record.requests, record.estimated) == (1, True)
    assert 0 < record.tokens_in < 1_000
    assert 0 < record.tokens_out < 1_000
    assert record.money >= 0
    assert_ledger_equals_counters(user)


def test_a_plan_changed_during_an_answer(talk: Talk, upstream: Upstream, alice: User) -> None:
    """What has begun is finished and paid for; the new plan holds from the next message on."""
    put_on_plan(alice, requests_per_day=2, tokens_per_day=100_000)
    upstream.play(Script("gated", ("One", " two")))
    reply = talk.send("Count")
    put_on_plan(alice, requests_per_day=1, tokens_per_day=1)
    upstream.release()
    assert talk.finish(reply).content == "One two"
    assert record_of(reply.completion).tokens_out > 0
    assert_ledger_equals_counters(alice)
    refused = talk.send("More")
    assert (refused.status, refused.code) == (429, "quota_tokens")
    put_on_plan(alice, requests_per_day=2)
    talk.ask("More")
    assert_ledger_equals_counters(alice)
