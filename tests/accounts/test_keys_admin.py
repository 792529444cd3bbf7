"""API keys in the administration: found by their state, person, name and beginning; looked at and revoked."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts import api_keys, services
from accounts.models import ApiKey, UsagePeriod, User
from tests.accounts.test_api_keys import make, reserve, settle
from tests.conftest import make_user, signed_in

ADMIN = "/admin/accounts/apikey/"


def names_in(page: str) -> set[str]:
    return set(re.findall(r'class="field-name"><a[^>]*>([^<]+)', page))


@pytest.fixture
def five(alice: User, bob: User) -> dict[str, ApiKey]:
    """A key in each state, by its name, and one of Bob's."""
    now = timezone.now()
    services.suspend([bob])
    bob.refresh_from_db()
    made = {
        "good": make(alice, name="good", now=now)[0],
        "lost": make(alice, name="lost", now=now)[0],
        "late": make(alice, name="late", now=now, expires_at=now)[0],
        "ended": make(alice, name="ended", now=now)[0],
        "bobs": make(bob, name="bobs", now=now)[0],
    }
    api_keys.revoke_keys([made["lost"].pk], now=now)
    ApiKey.objects.filter(name="ended").update(auth_epoch=7)
    return made


def test_keys_are_listed_by_their_state(five: dict[str, ApiKey], sasha_client: Client) -> None:
    assert names_in(sasha_client.get(ADMIN).content.decode()) == set(five)
    states = {
        "valid": {"good"},
        "revoked": {"lost"},
        "expired": {"late"},
        "ended": {"ended", "bobs"},
    }
    for state, names in states.items():
        assert names_in(sasha_client.get(f"{ADMIN}?state={state}").content.decode()) == names
        for name in names:
            key = ApiKey.objects.select_related("user").get(name=name)
            assert key.state(timezone.now()) == state
    assert names_in(sasha_client.get(f"{ADMIN}?state=x").content.decode()) == set(five)


def test_keys_are_found(five: dict[str, ApiKey], sasha_client: Client) -> None:
    good = five["good"]
    for words, names in {
        "bob": {"bobs"},
        "good": {"good"},
        good.prefix: {"good"},
        f"ck_{good.prefix}_…": {"good"},
        f"ck_{good.prefix}_{'x' * 43}": {"good"},
    }.items():
        assert names_in(sasha_client.get(ADMIN, {"q": words}).content.decode()) == names


def test_keys_are_only_looked_at(five: dict[str, ApiKey], sasha_client: Client) -> None:
    key = five["good"]
    page = sasha_client.get(f"{ADMIN}{key.pk}/change/")
    assert page.status_code == 200
    assert key.shown in page.content.decode()
    for shown in (page, sasha_client.get(ADMIN)):
        assert key.secret_hash not in shown.content.decode()
    assert sasha_client.post(f"{ADMIN}{key.pk}/change/", {"name": "x"}).status_code == 403
    assert sasha_client.post(f"{ADMIN}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert sasha_client.get(f"{ADMIN}add/").status_code == 403
    by_hash = sasha_client.get(ADMIN, {"secret_hash__startswith": key.secret_hash[0]})
    assert by_hash.status_code == 400


def test_an_administrator_revokes(five: dict[str, ApiKey], sasha_client: Client) -> None:
    chosen = [key.pk for key in five.values()]
    form = {"action": "revoke", "_selected_action": chosen}
    page = sasha_client.post(ADMIN, form, follow=True).content.decode()
    assert "4 keys revoked" in page
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_staff_revoke_no_administrators_keys(
    five: dict[str, ApiKey], sasha: User, sasha_client: Client
) -> None:
    make(sasha, name="sashas", now=timezone.now())
    clerk = make_user("clerk")
    clerk.is_staff = True
    clerk.save()
    keys = {"action": "revoke", "_selected_action": [key.pk for key in ApiKey.objects.all()]}
    view = Permission.objects.get(codename="view_apikey")
    clerk.user_permissions.add(view)
    signed_in(clerk).post(ADMIN, keys)
    assert ApiKey.objects.filter(revoked_at=None).count() == 5
    clerk.user_permissions.add(Permission.objects.get(codename="change_apikey"))
    signed_in(clerk).post(ADMIN, keys)
    assert ApiKey.objects.get(revoked_at=None).name == "sashas"


def test_usage_names_the_key(alice: User, sasha_client: Client) -> None:
    key = make(alice, name="Named")[0]
    settle(reserve(alice, key))
    settle(reserve(alice, None))
    records = sasha_client.get("/admin/accounts/usagerecord/").content.decode()
    assert str(key) in records
    assert "answers" in records
    periods = "/admin/accounts/usageperiod/"
    assert str(key) in sasha_client.get(periods).content.decode()
    found = sasha_client.get(periods, {"api_key__isempty": "1"}).content.decode()
    assert "4 " in sasha_client.get(periods).content.decode()
    assert str(key) not in found
    assert UsagePeriod.objects.filter(user=alice).count() == 4
