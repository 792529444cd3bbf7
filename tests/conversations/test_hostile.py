"""What somebody tries who wants the site to fall over, to pay for nothing, or to tell what is not theirs."""

from __future__ import annotations

import pytest
from django.test import Client


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
