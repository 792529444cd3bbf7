"""The page of API keys: listed with what was spent through them, revoked at once. `test_key_form.py` makes some."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import api_keys, quotas
from accounts.models import ApiKey, Pass, User
from tests.accounts.test_api_keys import NOON, make, reserve, settle
from tests.conftest import PASSWORD
from tests.conversations.api.old_client import failure, get_api, token_of

PAGE = "/settings/keys/"
REVOKE_PASS = f"{PAGE}pass/revoke/"


def fields(**changes: Any) -> dict[str, Any]:
    form = {"form_id": str(uuid4()), "name": "My script", "scopes": ["chat"], "expires": "90"}
    return {**form, **changes}


def revoke(key: ApiKey | UUID) -> str:
    return f"{PAGE}{key.pk if isinstance(key, ApiKey) else key}/revoke/"


# --- The list --------------------------------------------------------------------------------------------------------


def card(page: str, key: ApiKey) -> str:
    """What is said of one key."""
    return words(rf'<h3 id="name-{key.pk}".*?</table>', page)


def words(part: str, page: str) -> str:
    """Of that part, without its markup."""
    found = re.search(part, page, re.S)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.mark.usefixtures("at_noon")
def test_what_is_known_of_a_key(alice: User, alice_client: Client) -> None:
    limits = {
        "requests_per_day": 5,
        "requests_per_month": 1_000,
        "tokens_per_day": 10_000,
        "money_per_month": Decimal(20),
    }
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
    assert "Ask models chat Read conversations, role presets and usage read" in said
    assert "Created Nov. 21, 2026 Valid until Nov. 30, 2026 Last used Nov. 21, 2026, noon" in said
    assert "Today 1 of 5 1,234 of 10,000 0.015 This month 2 of 1,000 2,468 0.03 of 20" in said
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
    # Session, person, administrator, keys, counters, ended keys, pass.
    with django_assert_num_queries(7):
        alice_client.get(PAGE)
    add(27)
    with django_assert_num_queries(7):
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


# --- The ChatAPI pass ------------------------------------------------------------------------------------------------


def test_the_pass_is_shown_to_whom_it_was_given(
    alice: User, alice_client: Client, bob_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    assert "ChatAPI" not in alice_client.get(PAGE).content.decode()
    token = token_of("alice")
    page = alice_client.get(PAGE).content.decode()
    said = "Created Nov. 21, 2026 Valid until Dec. 21, 2026 Last used"
    part = "ChatAPI pass</h2>.*</form>"
    assert f"{said} Never" in words(part, page)
    assert token not in page
    get_api(token)
    assert f"{said} Nov. 21, 2026, noon" in words(part, alice_client.get(PAGE).content.decode())
    assert "ChatAPI" not in bob_client.get(PAGE).content.decode()
    Pass.objects.update(expires_at=NOON)
    assert "ChatAPI" not in alice_client.get(PAGE).content.decode()


def test_a_new_pass_has_never_been_used(alice: User) -> None:
    get_api(token_of("alice"))
    assert Pass.objects.get().last_used_at
    Pass.objects.update(expires_at=timezone.now())
    token_of("alice")
    assert Pass.objects.get().last_used_at is None


def test_revoking_the_pass(alice: User, alice_client: Client, bob_client: Client) -> None:
    token = token_of("alice")
    assert bob_client.post(REVOKE_PASS)["Location"] == PAGE
    assert Pass.objects.count() == 1
    response = alice_client.post(REVOKE_PASS)
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert failure(get_api(token))[0] == 401
    page = alice_client.get(PAGE).content.decode()
    assert "The ChatAPI pass has been revoked." in page
    assert "/token" not in page
    alice_client.post(REVOKE_PASS)
    assert "has been revoked" not in alice_client.get(PAGE).content.decode()
    assert token_of("alice") != token


def test_revoking_the_pass_is_asked_by_its_person(alice: User, alice_client: Client) -> None:
    token_of("alice")
    assert alice_client.get(REVOKE_PASS).status_code == 405
    assert Client().post(REVOKE_PASS)["Location"].startswith("/accounts/login/")
    assert Client(enforce_csrf_checks=True).post(REVOKE_PASS).status_code == 403
    assert Pass.objects.count() == 1
