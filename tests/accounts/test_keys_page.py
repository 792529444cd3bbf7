"""The page of API keys: made once and shown once, listed with what was spent through them, revoked at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import api_keys, quotas
from accounts.models import ApiKey, User
from tests.accounts.test_api_keys import make, reserve, settle
from tests.conftest import PASSWORD

PAGE = "/settings/keys/"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = re.compile(r"ck_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


def fields(**changes: Any) -> dict[str, Any]:
    form = {"form_id": str(uuid4()), "name": "My script", "scopes": ["chat"], "expires": "90"}
    return {**form, **changes}


def revoke(key: ApiKey | UUID) -> str:
    return f"{PAGE}{key.pk if isinstance(key, ApiKey) else key}/revoke/"


def shown_text(page: str) -> str:
    texts = TEXT.findall(page)
    assert len(texts) == 1
    return str(texts[0])


# --- Making ----------------------------------------------------------------------------------------------------------


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


# --- The list --------------------------------------------------------------------------------------------------------


def card(page: str, key: ApiKey) -> str:
    """What is said of one key, without its markup."""
    found = re.search(rf'<h3 id="name-{key.pk}".*?</table>', page, re.S)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.mark.usefixtures("at_noon")
def test_what_is_known_of_a_key(alice: User, alice_client: Client) -> None:
    limits = {"requests_per_day": 5, "tokens_per_day": 10_000, "money_per_month": Decimal(20)}
    key = make(
        alice, name="A & B", scopes=["chat", "read"], expires_at=NOON + timedelta(days=9), **limits
    )[0]
    other = make(alice, name="Other")[0]
    yesterday = NOON - timedelta(days=1)
    for now in (yesterday, NOON):
        call = reserve(alice, key, now=now, money=Decimal(1))
        spent = quotas.Spent(tokens_in=1_200, tokens_out=34, money=Decimal("0.015"))
        settle(call, spent)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=NOON)
    page = alice_client.get(PAGE).content.decode()
    said = card(page, key)
    assert f"A &amp; B {key.shown}" in said
    assert "Ask models Read conversations, role presets and usage" in said
    assert "Created Nov. 21, 2026 Valid until Nov. 30, 2026 Last used Nov. 21, 2026, noon" in said
    assert "Today 1 of 5 1,234 of 10,000 0.015 This month 2 2,468 0.03 of 20" in said
    said = card(page, other)
    assert "Valid until You revoke it Last used Never" in said
    assert "Today 0 0 0 This month 0 0 0" in said


def test_the_same_queries_for_three_keys_and_thirty(
    alice: User,
    alice_client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            key = make(alice, now=timezone.now())[0]
            settle(reserve(alice, key, now=timezone.now()))
            ended = make(alice, now=timezone.now())[0]
            api_keys.revoke_keys([ended.pk], now=timezone.now())

    add(3)
    alice_client.get(PAGE)
    with django_assert_num_queries(6):  # session, person, administrator, keys, counters, ended keys
        alice_client.get(PAGE)
    add(27)
    with django_assert_num_queries(6):
        page = alice_client.get(PAGE).content.decode()
    assert page.count("Revoke…") == 30


def test_ended_keys_stand_apart(alice: User, alice_client: Client) -> None:
    now = timezone.now()
    valid = make(alice, name="In use", now=now)[0]
    for name, more in (("Gone", {}), ("Late", {"expires_at": now})):
        make(alice, name=name, now=now, **more)
    api_keys.revoke_keys([ApiKey.objects.get(name="Gone").pk], now=now)
    page = alice_client.get(PAGE).content.decode()
    assert page.count("Revoke…") == 1
    assert "In use" in card(page, valid)
    ended = page[page.index("Ended keys") :]
    assert re.search(r"Gone.*revoked\s*<time", ended, re.S)
    assert re.search(r"Late.*expired\s*<time", ended, re.S)


def test_only_the_newest_of_the_ended_are_shown(alice: User, alice_client: Client) -> None:
    now = timezone.now()
    ids = [make(alice, name=f"No. {n}.", now=now + timedelta(seconds=n))[0].pk for n in range(31)]
    api_keys.revoke_keys(ids, now=now)
    page = alice_client.get(PAGE).content.decode()
    assert "No. 30." in page
    assert "No. 0." not in page
    assert "Older ones are not shown" in page


def test_another_password_ends_keys(alice: User, alice_client: Client) -> None:
    assert "ends your API keys" in alice_client.get("/settings/security/").content.decode()
    alice_client.post(PAGE, fields(name="Before"))
    new = {"oldpassword": PASSWORD, "password1": "a new phrase", "password2": "a new phrase"}
    assert (
        "your API keys will end" in alice_client.get("/accounts/password/change/").content.decode()
    )
    alice_client.post("/accounts/password/change/", new)
    page = alice_client.get(PAGE).content.decode()
    assert re.search(r"Ended keys.*Before.*ended with a change of password", page, re.S)
    assert "Revoke…" not in page


@pytest.mark.parametrize(
    ("public", "shown"),
    [("", "http://testserver/v1"), ("https://chat.example.org", "https://chat.example.org/v1")],
)
def test_how_a_program_uses_it(
    alice_client: Client, settings: Settings, public: str, shown: str
) -> None:
    settings.PUBLIC_URL = public
    page = alice_client.get(PAGE).content.decode()
    assert f"OPENAI_BASE_URL={shown}\n" in page
    assert "OPENAI_API_KEY=ck_…" in page


# --- Revoking --------------------------------------------------------------------------------------------------------


def test_revoking_asks_first(alice: User, alice_client: Client) -> None:
    key = make(alice, name="Doomed", now=timezone.now())[0]
    page = alice_client.get(revoke(key)).content.decode()
    assert "Doomed" in page
    assert "never been used" in page
    key.refresh_from_db()
    assert key.revoked_at is None
    response = alice_client.post(revoke(key))
    assert (response.status_code, response["Location"]) == (303, PAGE)
    key.refresh_from_db()
    assert key.revoked_at is not None
    page = alice_client.get(PAGE).content.decode()
    assert "The key “Doomed” has been revoked." in page


def test_revoking_twice(alice: User, alice_client: Client) -> None:
    key = make(alice, now=timezone.now())[0]
    alice_client.post(revoke(key))
    key.refresh_from_db()
    first = key.revoked_at
    assert alice_client.get(revoke(key))["Location"] == PAGE
    assert alice_client.post(revoke(key)).status_code == 303
    key.refresh_from_db()
    assert key.revoked_at == first


def test_stranger_gets_404(alice: User, bob_client: Client, sasha_client: Client) -> None:
    key = make(alice, now=timezone.now())[0]
    for client in (bob_client, sasha_client):
        for id in (key.pk, uuid4()):
            assert client.get(revoke(id)).status_code == 404
            assert client.post(revoke(id)).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None
    assert key.shown not in bob_client.get(PAGE).content.decode()


def test_anonymous_is_sent_to_sign_in(alice: User, client: Client) -> None:
    key = make(alice, now=timezone.now())[0]
    for url in (PAGE, revoke(key)):
        for response in (client.get(url), client.post(url, fields())):
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/login/")
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_wrong_method(alice: User, alice_client: Client, method: str) -> None:
    key = make(alice)[0]
    for url in (PAGE, revoke(key)):
        assert getattr(alice_client, method)(url).status_code == 405
