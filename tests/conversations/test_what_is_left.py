"""Beside the composer: what may still be spent, and a warning before nothing is left."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from accounts import quotas
from accounts.models import Plan, UsageRecord, User
from accounts.quotas import Period

pytestmark = pytest.mark.usefixtures("chat_model")
RENEWS = r"Your quota renews on \w+ \d+ at 00:00 \(UTC\)\."


def spend(user: User, tokens: int = 0, money: str = "0") -> None:
    call, now = uuid.uuid4(), timezone.now()
    quotas.reserve(user, key=call, limits=quotas.NO_LIMITS, tokens=1, least_tokens=1, now=now)
    spent = quotas.Spent(tokens_in=tokens, money=Decimal(money))
    quotas.settle(call, spent=spent, outcome=UsageRecord.Outcome.COMPLETE, model_name="m", now=now)


def put_on_plan(user: User, **limits: int | Decimal) -> None:
    User.objects.filter(pk=user.pk).update(plan=Plan.objects.create(name="Own", **limits))


def said(client: Client) -> tuple[str, bool, str]:
    """Beside the composer, whether it is a warning, and what the banner says."""
    page = client.get("/").content.decode()
    note = re.search(r'data-live="quota" ([^>]*)>(.*?)</span>', page)
    banner = re.search(r'data-live="limit" [^>]*>(.*?)</p>', page)
    assert note
    assert banner
    return note[2], "data-low" in note[1], banner[1]


def test_nothing_is_said_without_a_limit(alice: User, alice_client: Client) -> None:
    put_on_plan(alice)
    assert said(alice_client) == ("", False, "")


def test_what_is_nearest_its_limit_is_said(alice: User, alice_client: Client) -> None:
    put_on_plan(alice, requests_per_day=10, tokens_per_month=1_000, money_per_day=Decimal(2))
    assert said(alice_client) == ("10 of 10 requests left today", False, "")
    spend(alice, tokens=700, money="0.5")
    assert said(alice_client) == ("300 of 1,000 tokens left this month", False, "")


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"requests_per_day": 5}, "1 of 5 requests left today"),
        ({"requests_per_month": 5}, "1 of 5 requests left this month"),
        ({"tokens_per_day": 1_000}, "200 of 1,000 tokens left today"),
        ({"tokens_per_month": 1_000}, "200 of 1,000 tokens left this month"),
        ({"money_per_day": Decimal(1)}, "0.2 of the budget of 1 left today"),
        ({"money_per_month": Decimal(1)}, "0.2 of the budget of 1 left this month"),
    ],
)
def test_four_fifths_of_each_limit_are_a_warning(
    alice: User, alice_client: Client, limits: dict[str, int | Decimal], left: str
) -> None:
    put_on_plan(alice, **limits)
    for _ in range(4):
        spend(alice, tokens=200, money="0.2")
    text, is_low, banner = said(alice_client)
    assert re.fullmatch(rf"{re.escape(left)}\. {RENEWS}", text)
    assert (is_low, banner) == (True, "")


def test_what_is_used_up_is_said_once(alice: User, alice_client: Client) -> None:
    put_on_plan(alice, requests_per_day=1)
    spend(alice)
    text, is_low, banner = said(alice_client)
    assert (text, is_low) == ("0 of 1 request left today", True)
    assert re.fullmatch(rf"You have used the only request of today\. {RENEWS}", banner)


def test_of_several_that_are_low_the_nearest_is_said(alice: User, alice_client: Client) -> None:
    """With when that one is renewed; the others, which are further away, would only make it long."""
    put_on_plan(alice, requests_per_day=10, tokens_per_month=1_000, money_per_month=Decimal(1))
    for _ in range(8):
        spend(alice, tokens=110, money="0.119")
    text, is_low, banner = said(alice_client)
    ends = date_format(Period.at(timezone.now()).month_ends, "MONTH_DAY_FORMAT")
    assert text == (
        f"0.048 of the budget of 1 left this month. Your quota renews on {ends} at 00:00 (UTC)."
    )
    assert (is_low, banner) == (True, "")
    spend(alice, tokens=90)
    assert said(alice_client)[0].startswith("30 of 1,000 tokens left this month.")


def test_of_several_that_are_used_up_the_one_that_stays_so_longest_is_said(
    alice: User, alice_client: Client
) -> None:
    put_on_plan(alice, requests_per_day=2, requests_per_month=3, tokens_per_month=1_000)
    for _ in range(2):
        spend(alice, tokens=450)
    assert said(alice_client)[2].startswith("You have used all 2 requests of today.")
    spend(alice, tokens=200)
    text, is_low, banner = said(alice_client)
    assert is_low
    assert text.startswith("0 of ")
    assert re.fullmatch(rf"You have used all 1,000 tokens of this month\. {RENEWS}", banner)
