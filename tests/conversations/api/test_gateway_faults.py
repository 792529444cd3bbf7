"""Calls at /v1 that are counted wrongly: the ledger has what was spent."""

from __future__ import annotations

import pytest

from accounts.models import Reservation, UsageRecord, User
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
