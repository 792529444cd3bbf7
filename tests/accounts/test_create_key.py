"""create_key, as an operator and a script run it."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts import api_keys, services
from accounts.models import ApiKey, User

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


def run(*arguments: Any) -> str:
    output = StringIO()
    call_command("create_key", *arguments, stdout=output)
    return output.getvalue()


def refusal(*arguments: Any) -> str:
    """The one sentence with which nothing was made."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 1
    assert not ApiKey.objects.exists()
    return str(caught.value)


def test_the_key_alone_is_printed(alice: User) -> None:
    text = run("nightly  backup", "--user", "ALICE")
    assert text.endswith("\n")
    key = api_keys.find_key(text.removesuffix("\n"))
    assert key is not None
    assert (key.user, key.name, key.scopes, key.expires_at) == (
        alice,
        "nightly backup",
        ["chat"],
        None,
    )
    assert key.state(NOON) == "valid"


def test_scopes_and_the_last_day(alice: User, settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    run("x", "--user", "alice", "--scopes", "read, chat", "--expires", "2026-11-21")
    key = ApiKey.objects.get()
    assert key.scopes == ["chat", "read"]
    assert key.expires_at == datetime(2026, 11, 21, 15, 59, 59, 999999, UTC)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--scopes", "chat,fly"], "Not known: scope fly. Choose among chat, audio, read, write"),
        (["--scopes", ","], "A key needs a scope"),
        (["--expires", "tomorrow"], "Write a date such as 2027-01-31"),
        (["--expires", "2026-02-30"], "Write a date such as 2027-01-31"),
        (["--expires", ""], "Write a date such as 2027-01-31"),
        (["--expires", "2026-11-20"], "which is over. Choose today or a later day"),
    ],
)
def test_a_wrong_option_makes_nothing(alice: User, options: list[str], sentence: str) -> None:
    assert sentence in refusal("x", "--user", "alice", *options)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai"])
def test_the_last_day_there_is(alice: User, settings: Settings, zone: str) -> None:
    """West of Greenwich it ends after the last moment of UTC."""
    settings.TIME_ZONE = zone
    try:
        run("x", "--user", "alice", "--expires", "9999-12-31")
    except CommandError as error:
        assert "Write a date" in str(error)  # noqa: PT017 (either is right)


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "x" * 61, "a\0b"])
def test_a_name_that_is_none(alice: User, name: str) -> None:
    assert "cannot be the name of a key" in refusal(name, "--user", "alice")


def test_nobody_of_that_name(alice: User) -> None:
    assert refusal("x", "--user", "nobody") == "Not known: user nobody. No key was made."


def test_a_suspended_person(alice: User) -> None:
    services.suspend([alice])
    assert "suspended" in refusal("x", "--user", "alice")


def test_more_than_anybody_may_have(alice: User) -> None:
    for _ in range(api_keys.MOST_KEYS):
        run("x", "--user", "alice")
    with pytest.raises(CommandError, match="50 keys"):
        run("x", "--user", "alice")
