"""The admin of people, plans and usage."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Plan, UsagePeriod, UsageRecord, User
from tests.accounts.doors import is_signed_in, sign_in
from tests.accounts.test_commands import spend
from tests.conftest import PASSWORD, make_user, signed_in

PAGES = [
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/plan/",
    "/admin/accounts/plan/add/",
    "/admin/accounts/apikey/",
    "/admin/accounts/usageperiod/",
    "/admin/accounts/usagerecord/",
    "/admin/auth/group/",
]


def inline_parts(page: str) -> list[str]:
    """What the content security policy would block."""
    scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", page)
    return scripts + re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page)


@pytest.mark.parametrize("address", PAGES)
def test_pages_load_for_staff_alone(
    address: str, sasha: User, alice: User, sasha_client: Client, alice_client: Client
) -> None:
    page = sasha_client.get(address)
    assert page.status_code == 200
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert inline_parts(page.content.decode()) == []
    assert alice_client.get(address).status_code == 302
    assert Client().get(address).status_code == 302


def test_there_is_one_login_door(db: None) -> None:
    response = Client().get("/admin/login/?next=/admin/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def user_form(**changes: object) -> dict[str, object]:
    return {"username": "carol", "email": "", "plan": "", "language": "", **changes}


def test_an_administrator_adds_an_administrator(sasha_client: Client) -> None:
    form = user_form(
        email="Carol@Example.org",
        usable_password="true",
        password1=PASSWORD,
        password2=PASSWORD,
        is_staff="on",
        is_superuser="on",
    )
    assert sasha_client.post("/admin/accounts/user/add/", form).status_code == 302
    carol = User.objects.get(username="carol")
    assert carol.is_superuser
    assert EmailAddress.objects.get(user=carol, email="carol@example.org").verified
    assert sign_in(Client(), "carol@example.org") == 302


def test_an_address_changed_in_the_admin_counts(alice: User, sasha_client: Client) -> None:
    form = user_form(username="alice", email="new@example.org")
    response = sasha_client.post(f"/admin/accounts/user/{alice.pk}/change/", form)
    assert response.status_code == 302
    rows = EmailAddress.objects.filter(user=alice)
    assert [(row.email, row.verified) for row in rows] == [("new@example.org", True)]


@pytest.mark.parametrize("changes", [{"username": "BOB"}, {"email": "BOB@example.org"}])
def test_a_taken_name_or_address_is_refused_kindly(
    alice: User, bob: User, sasha_client: Client, changes: dict[str, str]
) -> None:
    address = f"/admin/accounts/user/{alice.pk}/change/"
    response = sasha_client.post(address, user_form(**{"username": "alice", **changes}))
    assert response.status_code == 200
    assert "already exists" in response.content.decode()


def act(client: Client, model: str, action: str, *rows: object) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}  # type: ignore[attr-defined]
    return client.post(f"/admin/{model}/", data, follow=True).content.decode()


def test_suspend_and_reactivate(
    alice: User, alice_client: Client, sasha: User, sasha_client: Client
) -> None:
    page = act(sasha_client, "accounts/user", "suspend", alice, sasha)
    assert "1 user suspended" in page
    assert "cannot suspend yourself" in page
    alice.refresh_from_db()
    sasha.refresh_from_db()
    assert (alice.is_active, alice.auth_epoch, sasha.is_active) == (False, 1, True)
    assert not is_signed_in(alice_client)
    act(sasha_client, "accounts/user", "reactivate", alice)
    alice.refresh_from_db()
    assert (alice.is_active, alice.auth_epoch) == (True, 2)


def test_staff_do_not_touch_administrators(sasha: User) -> None:
    clerk = make_user("clerk")
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = signed_in(clerk)
    address = f"/admin/accounts/user/{sasha.pk}/"
    assert client.post(f"{address}change/", user_form(username="x")).status_code == 403
    assert client.post(f"{address}password/", {}).status_code == 403
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    act(client, "accounts/user", "suspend", sasha)
    sasha.refresh_from_db()
    assert sasha.is_active
    own = f"/admin/accounts/user/{clerk.pk}/change/"
    client.post(own, user_form(username="clerk", is_staff="on", is_superuser="on"))
    clerk.refresh_from_db()
    assert not clerk.is_superuser


def test_the_last_administrator_cannot_go_or_step_down(sasha: User, sasha_client: Client) -> None:
    address = f"/admin/accounts/user/{sasha.pk}/"
    assert sasha_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    form = user_form(username="sasha", email=sasha.email)  # no box is ticked
    assert sasha_client.post(f"{address}change/", form).status_code == 302
    sasha.refresh_from_db()
    assert (sasha.is_staff, sasha.is_superuser) == (True, True)


def test_a_person_with_usage_can_be_deleted(alice: User, sasha_client: Client) -> None:
    spend(alice)
    address = f"/admin/accounts/user/{alice.pk}/delete/"
    assert sasha_client.get(address).status_code == 200
    assert sasha_client.post(address, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="alice").exists()


def test_the_page_of_a_person_shows_no_personal_text(alice: User, sasha_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(custom_instructions="my secret wish")
    page = sasha_client.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert "my secret wish" not in page
    assert inline_parts(page) == []


def test_usage_can_be_looked_at_only(alice: User, sasha_client: Client) -> None:
    spend(alice)
    row = UsagePeriod.objects.filter(user=alice)[0]
    assert sasha_client.get("/admin/accounts/usageperiod/add/").status_code == 403
    address = f"/admin/accounts/usageperiod/{row.pk}/change/"
    assert sasha_client.get(address).status_code == 200
    assert sasha_client.post(address, {}).status_code == 403
    page = sasha_client.get("/admin/accounts/usagerecord/").content.decode()
    assert "alice" in page
    assert str(timezone.now().year) in page


def test_the_ledger_is_not_read_as_a_whole(alice: User, sasha_client: Client) -> None:
    spend(alice)
    with CaptureQueriesContext(connection) as asked:
        page = sasha_client.get("/admin/accounts/usagerecord/?q=alice").content.decode()
    assert "1 usage record" in page
    of_ledger = [one["sql"] for one in asked if "accounts_usagerecord" in one["sql"]]
    assert len(of_ledger) == 2  # how many are found, and a hundred of them
    assert not [sql for sql in of_ledger if "DISTINCT" in sql or "MIN(" in sql]


def test_the_state_of_a_person_is_not_said_to_be_a_box(alice: User, sasha_client: Client) -> None:
    page = sasha_client.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert "Unselect this" not in page
    assert "actions of the list" in page


def test_what_an_endpoint_did_not_count_can_be_found(alice: User, sasha_client: Client) -> None:
    spend(alice)
    for estimated in (0, 1):
        UsageRecord.objects.update(estimated=estimated)
        page = sasha_client.get("/admin/accounts/usagerecord/?estimated__exact=1").content.decode()
        assert page.count('<td class="field-estimated">') == estimated


def test_one_plan_is_the_default(sasha_client: Client) -> None:
    Plan.objects.update_or_create(name="Free", defaults={"is_default": True})
    paid = Plan.objects.create(name="Paid")
    assert "the default now" in act(sasha_client, "accounts/plan", "make_default", paid)
    assert [plan.name for plan in Plan.objects.filter(is_default=True)] == ["Paid"]
    assert "no more" in act(sasha_client, "accounts/plan", "make_default", *Plan.objects.all())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"allowed_models": '"gpt"'}, "Write a list of texts"),
        ({"allowed_models": "[1]"}, "Write a list of texts"),
        ({"allowed_models": "gpt"}, "valid JSON"),
        ({"requests_per_day": "-1"}, "A limit is zero or more"),
    ],
)
def test_a_bad_plan_is_refused_kindly(
    sasha_client: Client, changes: dict[str, str], complaint: str
) -> None:
    form = {"name": "Odd", "allowed_models": "[]", **changes}
    response = sasha_client.post("/admin/accounts/plan/add/", form)
    assert response.status_code == 200
    assert complaint in response.content.decode()
