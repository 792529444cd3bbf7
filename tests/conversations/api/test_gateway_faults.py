"""Calls at /v1 that are counted wrongly, or whose person goes: the ledger has what was spent."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import Reservation, UsageRecord, User
from conversations import runtime
from tests.conversations.api.conftest import Program
from tests.conversations.test_quota_faults import USAGES, assert_counted_by_us
from tests.processes import wait_for
from tests.upstream import Script, Upstream


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("usage", USAGES)
def test_a_call_counted_wrongly_is_counted_by_us(
    program: Program, upstream: Upstream, alice: User, usage: str, stream: bool
) -> None:
    upstream.play(Script("absurd-usage", ("Hello ", "world"), {"usage": usage}))
    response = program.ask(stream=stream)
    b"".join(response) if stream else response.content
    wait_for(lambda: not Reservation.objects.exists(), what="the call settled")
    assert_counted_by_us(UsageRecord.objects.get(), alice)


def test_a_person_deleted_during_a_call(program: Program, upstream: Upstream, alice: User) -> None:
    """The ledger has the call; whoever ends it later changes nothing."""
    upstream.play(Script("gated", ("One", " two")))
    parts = iter(program.ask(stream=True))
    next(parts)
    services.delete_account(alice, now=timezone.now())
    upstream.release()
    list(parts)
    wait_for(lambda: not runtime.open_calls, what="the call ended")
    record = UsageRecord.objects.get()
    assert (record.user, record.requests, record.estimated) == (None, 1, True)
    assert record.outcome == "interrupted"
    assert not Reservation.objects.exists()
