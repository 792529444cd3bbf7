"""The page of one's usage, against known numbers: today, this month, the last thirty days, and the file."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Plan, User
from accounts.quotas import Spent
from tests.accounts import history
from tests.accounts.test_api_keys import NOON
from tests.conftest import signed_in

PAGE, FILE = "/usage/", "/usage/usage.csv"
spend = partial(history.spend, now=NOON)
pytestmark = pytest.mark.usefixtures("at_noon")


def words(client: Client, address: str = PAGE) -> str:
    """Of the page, without its markup."""
    page = client.get(address).content.decode()
    main = page.partition("<main")[2].partition(">")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def bars(client: Client, address: str = PAGE) -> list[tuple[str, str]]:
    """What they say and how high they are."""
    page = client.get(address).content.decode()
    found = r'<g>\s*<title>([^<]+)</title>.*?class="usage-bar"[^>]*height="([^"]+)"'
    return re.findall(found, page, re.S)


def lines(client: Client) -> list[list[str]]:
    response = client.get(FILE)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="usage-2026-11-21.csv"'
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.fixture
def weeks(alice: User, bob: User) -> None:
    """Alice's: two today, one of them through a key, one ten days ago, one too long ago; and some of Bob's."""
    key = history.make_key(alice, "=Server", now=NOON)
    spent = partial(Spent, money=Decimal("0.25"), tokens_cached=5)
    spend(alice, spent(1000, 200, seconds_to_first_token=1.0), model="large")
    spend(alice, spent(100, 20, seconds_to_first_token=2.0), model="large", key=key)
    spend(alice, model="", outcome=history.Outcome.INTERRUPTED, now=NOON - timedelta(days=10))
    spend(alice, spent(7, 7), now=NOON - timedelta(days=30), service=history.Service.EMBEDDINGS)
    spend(alice, spent(7, 7), now=NOON - timedelta(days=400))
    spend(bob, Spent(5_000_000, 1))


@pytest.mark.usefixtures("weeks")
def test_today_and_this_month_against_the_limits(alice: User, alice_client: Client) -> None:
    plan = {"requests_per_day": 10, "tokens_per_month": 2000, "money_per_month": Decimal("0.4")}
    User.objects.update(plan=Plan.objects.create(name="Mine", **plan))
    said = words(alice_client)
    assert "Today Requests 2 of 10 8 left Tokens 1,320 Money 0.5 Renews on November 22" in said
    assert "This month Requests 3 Tokens 1,400 of 2,000 600 left Money 0.5 of 0.4 0 left" in said
    assert "Renews on December 1 at 00:00 (UTC)" in said
    page = alice_client.get(PAGE).content.decode()
    assert [int(width) for width in re.findall(r'rect width="(\d+)"', page)] == [20, 70, 100]
    assert page.count("data-low") == 1


@pytest.mark.usefixtures("weeks")
def test_the_last_thirty_days(alice_client: Client) -> None:
    said = words(alice_client)
    assert "large 2 1,320 0.5 1.5 s Unknown model 1 80 0 –" in said
    assert "Without a key 2 1,280 0.25 =Server ck_" in said
    assert "Nov. 21, 2026 2 1,320 0.5 Nov. 20, 2026 0 0 0" in said
    assert "Nov. 11, 2026 1 80 0 Nov. 10, 2026 0 0 0" in said
    assert "5,000" not in said


@pytest.mark.usefixtures("weeks")
def test_a_bar_for_each_day(alice_client: Client) -> None:
    shown = bars(alice_client)
    assert (len(shown), shown[0]) == (30, ("October 23: 0", "0.00"))
    assert shown[-1] == ("November 21: 2", "100.00")
    assert ("November 11: 1", "50.00") in shown
    by_tokens = dict(bars(alice_client, f"{PAGE}?show=tokens"))
    assert by_tokens["November 21: 1,320"] == "100.00"
    assert by_tokens["November 11: 80"] == "6.06"
    assert dict(bars(alice_client, f"{PAGE}?show=money"))["November 21: 0.5"] == "100.00"
    assert bars(alice_client, f"{PAGE}?show=password") == shown


@pytest.mark.usefixtures("weeks")
def test_the_file_has_a_year_and_no_formulas(alice: User, alice_client: Client) -> None:
    key = alice.api_keys.get()
    header, *found = lines(alice_client)
    columns = """day model service api_key beginning requests tokens_in tokens_out tokens_cached money calls errors
    seconds_to_first_token"""
    assert header == columns.split()
    assert [" ".join(line) for line in found] == [
        "2026-10-22 fake embeddings   1 7 7 5 0.25 1 0 ",
        "2026-11-11  chat   1 60 20 0 0 1 1 ",
        "2026-11-21 large chat   1 1000 200 5 0.25 1 0 1.0",
        f"2026-11-21 large chat '=Server {key.prefix} 1 100 20 5 0.25 1 0 2.0",
    ]


def test_keys_of_one_name_have_their_own_lines(alice: User, alice_client: Client) -> None:
    for _ in range(2):
        spend(alice, key=history.make_key(alice, now=NOON))
    assert [line[3] for line in lines(alice_client)[1:]] == ["Script", "Script"]


def test_where_nothing_was_used(alice_client: Client) -> None:
    said = words(alice_client)
    assert "Today Requests 0 of 10 10 left Tokens 0 Money 0" in said
    assert "This month Requests 0 Tokens 0 Money 0 No limit." in said
    assert "Nothing yet." in said
    assert not bars(alice_client)
    assert len(lines(alice_client)) == 1


def test_what_was_given_back_is_told(alice: User, alice_client: Client) -> None:
    spend(alice)
    history.give_back(alice, now=NOON)
    said = words(alice_client)
    assert "Today Requests 0 of 10 10 left" in said
    assert said.count("An administrator gave back what was used before.") == 1
    assert dict(bars(alice_client))["November 21: 1"] == "100.00"


def test_days_are_those_of_the_sites_zone(
    alice: User, alice_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    late = datetime(2026, 11, 22, 0, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    monkeypatch.setattr(timezone, "now", lambda: late)
    spend(alice, now=late)
    assert bars(alice_client)[-1] == ("November 22: 1", "100.00")
    assert "Renews on November 23 at 00:00 (CST)" in words(alice_client)


def test_each_person_sees_their_own(alice: User, bob_client: Client, client: Client) -> None:
    spend(alice)
    assert "Nothing yet." in words(bob_client)
    assert len(lines(bob_client)) == 1
    for address in (PAGE, FILE):
        assert client.get(address).status_code == 302
        assert bob_client.post(address).status_code == 405


def test_the_same_queries_for_one_day_and_thirty(
    alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    spend(alice)
    history.a_month_of("bob", now=NOON)
    for user in (alice, bob):
        client = signed_in(user)
        with django_assert_num_queries(10):
            client.get(PAGE)
