"""Keys made on their page: shown once, one by one form, and what is wrong said beside it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import api_keys
from accounts.models import ApiKey, User
from tests.accounts.test_api_keys import make
from tests.accounts.test_keys_page import PAGE, fields

TEXT = re.compile(r"ck_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


def shown_text(page: str) -> str:
    texts = TEXT.findall(page)
    assert len(texts) == 1
    return str(texts[0])


def test_a_key_is_shown_once(alice: User, alice_client: Client) -> None:
    response = alice_client.post(PAGE, fields(scopes=["read", "chat"]))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.user, key.name, key.scopes) == (alice, "My script", ["chat", "read"])
    text = shown_text(response.content.decode())
    assert api_keys.find_key(text) == key
    later = alice_client.get(PAGE)
    assert "no-store" in later["Cache-Control"]
    page = later.content.decode()
    assert key.shown in page
    assert "My script" in page
    assert not TEXT.search(page)


def test_the_text_is_kept_nowhere(alice_client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    response = alice_client.post(PAGE, fields())
    secret = shown_text(response.content.decode()).split("_", 2)[2]
    kept = [str(cookie) for cookie in alice_client.cookies.values()]
    kept += [str(session.get_decoded()) for session in Session.objects.all()]
    kept += [str(value) for row in ApiKey.objects.values() for value in row.values()]
    headers = str(response.headers)
    assert secret not in "".join([*kept, headers, caplog.text])


def test_the_form_as_the_page_has_it_makes_a_key(alice: User, alice_client: Client) -> None:
    page = alice_client.get(PAGE).content.decode()
    found = re.search(r'name="form_id" value="([0-9a-f-]{36})"', page)
    assert found
    assert (
        len(re.findall(r'<input type="checkbox" name="scopes" value="\w+"[^>]* checked', page)) == 1
    )
    assert re.search(r'value="chat"[^>]* checked', page)
    assert "Create and change conversations <code>write</code>" in page  # as a refusal calls it
    assert '<option value="90" selected>' in page
    alice_client.post(PAGE, fields(form_id=found[1]))
    assert ApiKey.objects.count() == 1


def test_a_program_that_sends_no_id_makes_a_key(alice_client: Client) -> None:
    alice_client.post(PAGE, {"name": "x", "scopes": "audio", "expires": "never"})
    assert ApiKey.objects.get().scopes == ["audio"]


def test_the_same_form_again_makes_no_second_key(alice_client: Client) -> None:
    form = fields(name="Reloaded", money_per_month="1.50")
    alice_client.post(PAGE, form)
    response = alice_client.post(PAGE, form)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    page = response.content.decode()
    assert "“Reloaded”" in page
    assert "cannot be shown again" in page
    assert not TEXT.search(page)
    assert form["form_id"] not in page
    assert ApiKey.objects.count() == 1


def test_a_form_gone_back_to_is_kept_for_another_key(alice_client: Client) -> None:
    form = fields(name="One")
    alice_client.post(PAGE, form)
    response = alice_client.post(PAGE, {**form, "name": "Two", "tokens_per_day": "77"})
    assert response.status_code == 409
    page = response.content.decode()
    assert "already made the key “One”" in page
    assert 'value="Two"' in page
    assert 'value="77"' in page
    new = re.search(r'name="form_id" value="([^"]+)"', page)
    assert new
    assert new[1] != form["form_id"]
    assert ApiKey.objects.count() == 1
    alice_client.post(PAGE, {**form, "name": "Two", "form_id": new[1]})
    assert {key.name for key in ApiKey.objects.all()} == {"One", "Two"}


def test_a_form_of_somebody_else_makes_a_key_of_ones_own(
    alice_client: Client, bob: User, bob_client: Client
) -> None:
    form = fields()
    alice_client.post(PAGE, form)
    text = shown_text(bob_client.post(PAGE, form).content.decode())
    found = api_keys.find_key(text)
    assert found is not None
    assert found.user == bob


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize(
    ("choice", "last"),
    [("30", "2026-12-21"), ("90", "2027-02-19"), ("365", "2027-11-21"), ("never", None)],
)
def test_until_the_end_of_a_day_of_the_site(
    alice_client: Client, settings: Settings, choice: str, last: str | None
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    alice_client.post(PAGE, fields(expires=choice))
    end = ApiKey.objects.get().expires_at
    if last is None:
        assert end is None
    else:
        assert end is not None
        assert end.isoformat() == f"{last}T22:59:59.999999+00:00"


def test_limits_of_its_own(alice_client: Client) -> None:
    limits = {
        "requests_per_day": "0",
        "tokens_per_day": str(2**63 - 1),
        "money_per_month": "0.000001",
    }
    alice_client.post(PAGE, fields(**limits))
    key = ApiKey.objects.get()
    assert (key.requests_per_day, key.tokens_per_day) == (0, 2**63 - 1)
    assert key.money_per_month == Decimal("0.000001")


def test_a_name_on_one_line(alice_client: Client) -> None:
    alice_client.post(PAGE, fields(name="  back\u202eup \n\t script\u200b "))
    assert ApiKey.objects.get().name == "backup script"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "This field is required"),
        ("name", " \u200b ", "This field is required"),
        ("name", "x" * 61, "at most 60 characters"),
        ("name", "x" * 100_000, "at most 60 characters"),
        ("name", "a\0b", "Null characters are not allowed"),
        ("scopes", [], "Choose at least one"),
        ("scopes", ["chat", "fly"], "Choose among these"),
        ("scopes", ["a\0b"], "Choose among these"),
        ("scopes", ["x" * 100_000], "Choose among these"),
        ("expires", "", "This field is required"),
        ("expires", "91", "Choose among these"),
        ("expires", "\0", "Choose among these"),
        *[
            (limit, value, sentence)
            for limit in ("requests_per_day", "tokens_per_day")
            for value, sentence in [
                ("-1", "greater than or equal to 0"),
                (str(2**63), "less than or equal to 9223372036854775807"),
                ("1.5", "Enter a whole number"),
                ("9" * 10_000, "Enter a whole number"),
                ("null", "Enter a whole number"),
                ("1\0", "Enter a whole number"),
            ]
        ],
        ("money_per_month", "-0.01", "greater than or equal to 0"),
        ("money_per_month", str(2**63), "no more than 14 digits"),
        ("money_per_month", "0.0000001", "no more than 6 decimal places"),
        ("money_per_month", "9" * 10_000, "no more than 14 digits"),
        ("money_per_month", "1e999999", "no more than 14 digits"),
        ("money_per_month", "NaN", "Enter a number"),
        ("money_per_month", "Infinity", "Enter a number"),
        ("money_per_month", "1\0", "Enter a number"),
        ("form_id", "x" * 1_000, "out of date"),
        ("form_id", "\0", "out of date"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(
    alice_client: Client, field: str, value: Any, sentence: str
) -> None:
    form = {"name": "Mine", "requests_per_day": "17", "scopes": ["write"], "expires": "365"}
    response = alice_client.post(PAGE, fields(**{**form, field: value}))
    assert response.status_code == 400
    assert not ApiKey.objects.exists()
    page = response.content.decode()
    if field == "form_id":
        assert sentence in page
        assert value not in page
    else:
        said = re.search(rf'id="id_{field}_error"[^>]*>(.*?)</ul>', page, re.S)
        assert said
        assert sentence in said[1]
    for name, kept in (
        ("name", 'value="Mine"'),
        ("requests_per_day", 'value="17"'),
        ("scopes", 'value="write"[^>]* checked'),
        ("expires", '<option value="365" selected'),
    ):
        assert name == field or re.search(kept, page), name


def test_more_than_anybody_may_have(alice: User, alice_client: Client) -> None:
    form = fields(name="The last one")
    for _ in range(api_keys.MOST_KEYS - 1):
        make(alice, now=timezone.now())
    alice_client.post(PAGE, form)
    assert "already" in alice_client.post(PAGE, form).content.decode()
    response = alice_client.post(PAGE, fields(name="One more"))
    assert response.status_code == 409
    page = response.content.decode()
    assert "You have 50 keys" in page
    assert 'value="One more"' in page
    assert ApiKey.objects.count() == api_keys.MOST_KEYS
