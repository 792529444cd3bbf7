"""What somebody tries who wants the site to fall over, to pay for nothing, or to tell what is not theirs."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from conversations.views import stream
from tests.conftest import signed_in
from tests.conversations.talk import (
    Talk,
)
from tests.upstream import Script, Upstream


@pytest.mark.parametrize(
    "older",
    [
        "2020-13-45T10:00:00",
        "2020-01-01T25:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2020-01-01T00:00:00",
        "\x00",
    ],
)
def test_a_moment_that_there_never_was(alice_client: Client, older: str) -> None:
    assert alice_client.get("/", {"older": older}).status_code == 200


def test_a_signed_out_session_reads_no_further(
    talk: Talk, upstream: Upstream, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)
    upstream.play(Script("gated", ("One", " two", " three", " four", " five")))
    elsewhere = Talk(signed_in(alice))
    reply = talk.send("Count")
    theirs, mine = elsewhere.events(reply, format="text"), talk.events(reply, format="text")
    assert (next(theirs).name, next(mine).name) == ("delta", "delta")
    elsewhere.client.logout()
    upstream.release(4)
    assert "end" not in [event.name for event in theirs]
    assert [event.name for event in mine][-1] == "end"
