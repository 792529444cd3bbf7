"""Invitations: who may join with a link, how often, until when; and the administration that makes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import invitations
from accounts.models import AuditEntry, Invitation, Plan, User
from tests.accounts.doors import is_signed_in, link_in
from tests.accounts.test_admin import act, inline_parts
from tests.accounts.test_sign_in import SIGNUP
from tests.at_once import at_once
from tests.conftest import make_user

ADD = "/admin/accounts/invitation/add/"


@pytest.fixture(autouse=True)
def by_invitation(settings: Settings) -> None:
    settings.SIGNUP = "invite"


def invite(by: User, **fields: Any) -> tuple[Invitation, str]:
    """The invitation and the address of its link."""
    invitation = Invitation(**fields)
    return invitation, f"/invitation/{invitations.issue(invitation, by=by)}/"


def opened(link: str) -> Client:
    """A browser in which the link was opened."""
    client = Client()
    response = client.get(link)
    assert (response.status_code, response["Location"]) == (303, "/accounts/signup/")
    assert response["Referrer-Policy"] == "no-referrer"
    return client


def joins(client: Client, name: str = "carol", **fields: str) -> bool:
    form = {**SIGNUP, "username": name, "email": f"{name}@example.org", **fields}
    client.post("/accounts/signup/", form)
    return User.objects.filter(username=name).exists()


def test_without_one_nobody_joins(client: Client, sasha: User) -> None:
    assert "You need an invitation" in client.get("/accounts/login/").content.decode()
    assert "you need an invitation" in client.get("/accounts/signup/").content.decode()
    assert not joins(client)


def test_joining(sasha: User) -> None:
    plan = Plan.objects.create(name="Guests")
    invitation, link = invite(sasha, plan=plan)
    client = opened(link)
    page = client.get("/accounts/signup/").content.decode()
    assert "You have been invited" in page
    assert link.split("/")[2] not in page
    assert joins(client)
    assert is_signed_in(client)
    carol = User.objects.get(username="carol")
    assert (carol.plan, carol.invitation) == (plan, invitation)
    assert Client().get(link).status_code == 404
    client.logout()
    assert not joins(client, "dave")


def test_a_refused_form_uses_nothing_up(sasha: User) -> None:
    _invitation, link = invite(sasha)
    client = opened(link)
    assert not joins(client, password2="another")
    assert not joins(client, email="sasha@example.org")
    assert joins(client)


def test_several_may_join(sasha: User) -> None:
    _invitation, link = invite(sasha, uses=2)
    assert [joins(opened(link), name) for name in ("carol", "dave")] == [True, True]
    assert Client().get(link).status_code == 404


def expired(invitation: Invitation) -> None:
    Invitation.objects.update(expires_at=timezone.now())


def revoked(invitation: Invitation) -> None:
    assert invitations.revoke(invitation, now=timezone.now())


def used_up(invitation: Invitation) -> None:
    invitations.use(invitation, make_user("dave"), now=timezone.now())


@pytest.mark.parametrize("end", [expired, revoked, used_up])
def test_one_that_is_over(sasha: User, end: Any) -> None:
    """Also for whoever opened it before."""
    invitation, link = invite(sasha, expires_at=timezone.now() + timedelta(days=1))
    client = opened(link)
    end(invitation)
    assert not joins(client)
    page = Client().get(link)
    assert page.status_code == 404
    assert "Ask whoever sent it" in page.content.decode()


@pytest.mark.parametrize(
    "link", ["/invitation/x/", "/invitation/%00/", f"/invitation/{'x' * 3000}/"]
)
def test_no_invitation_at_all(client: Client, sasha: User, link: str) -> None:
    assert client.get(link).status_code == 404
    assert client.post(link).status_code == 405


def test_one_that_ends_while_the_form_is_checked(
    sasha: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation, link = invite(sasha)
    client = opened(link)
    monkeypatch.setattr(invitations, "of_visitor", lambda request: invitation)
    revoked(invitation)
    response = client.post("/accounts/signup/", SIGNUP)
    assert response.status_code == 404
    assert not User.objects.filter(username="carol").exists()


def test_two_at_once_with_one_use_left(transactional_db: None, sasha: User) -> None:
    invitation, link = invite(sasha, uses=3)
    assert joins(opened(link), "zoe")
    names = ["carol", "dave", "erin", "frank"]
    browsers = {name: opened(link) for name in names}
    results = at_once(*(lambda name=name: joins(browsers[name], name) for name in names))
    assert sorted(results) == [False, False, True, True]
    invitation.refresh_from_db()
    assert (invitation.used, invitation.guests.count()) == (3, 3)


def test_for_one_address(sasha: User, with_mail: None) -> None:
    _invitation, link = invite(sasha, email="carol@example.org")
    client = opened(link)
    assert 'value="carol@example.org"' in client.get("/accounts/signup/").content.decode()
    response = client.post("/accounts/signup/", {**SIGNUP, "email": "dave@example.org"})
    assert "The invitation is for carol@example.org" in response.content.decode()
    assert joins(client, email="CAROL@example.org")
    assert not is_signed_in(client)  # the address is confirmed first
    client.get(link_in(mail.outbox[0]))


def test_for_an_address_that_is_written_in_two_ways(sasha: User) -> None:
    _invitation, link = invite(sasha, email="carol@straße.example")
    assert joins(opened(link), email="carol@straße.example")


@pytest.mark.parametrize("signup", ["open", "approval"])
def test_it_gives_its_plan_also_where_it_is_not_needed(
    sasha: User, settings: Settings, signup: str
) -> None:
    settings.SIGNUP = signup
    _invitation, link = invite(sasha, plan=Plan.objects.create(name="Guests"))
    client = opened(link)
    assert joins(client)
    assert is_signed_in(client)


def test_closed_is_closed(sasha: User, settings: Settings) -> None:
    settings.SIGNUP = "closed"
    _invitation, link = invite(sasha)
    assert not joins(opened(link))


def test_nobody_joins_before_the_administrator(alice: User) -> None:
    _invitation, link = invite(alice)
    assert not joins(opened(link))


def test_only_the_hash_is_stored(sasha: User) -> None:
    invitation, link = invite(sasha)
    assert link.split("/")[2] not in str(Invitation.objects.values().get(pk=invitation.pk))


# --- The administration ----------------------------------------------------------------------------------------------


def form(**changes: str) -> dict[str, str]:
    return {
        "email": "",
        "note": "",
        "plan": "",
        "uses": "1",
        "expires_at_0": "",
        "expires_at_1": "",
        **changes,
    }


def test_an_administrator_makes_one(sasha: User, sasha_client: Client) -> None:
    page = sasha_client.get(ADD).content.decode()
    assert inline_parts(page) == []
    assert re.search(r'name="expires_at_0" value="\d', page)
    page = sasha_client.post(ADD, form(note="Choir"), follow=True).content.decode()
    links = re.findall(r"http://testserver(/invitation/[\w-]{32}/)", page)
    assert len(links) == 1
    assert links[0] not in sasha_client.get("/admin/accounts/invitation/").content.decode()
    assert joins(opened(links[0]))
    invitation = Invitation.objects.get()
    assert (invitation.created_by, invitation.note) == (sasha, "Choir")
    assert AuditEntry.objects.get(action="invited").target == "Choir"
    page = sasha_client.get(f"/admin/accounts/invitation/{invitation.pk}/change/").content.decode()
    assert "carol" in page
    assert invitation.token_hash not in page


def test_it_is_mailed(transactional_db: None, sasha_client: Client, with_mail: None) -> None:
    page = sasha_client.post(ADD, form(email="Carol@example.org"), follow=True).content.decode()
    assert "also mailed to carol@example.org" in page
    (message,) = mail.outbox
    assert message.to == ["carol@example.org"]
    assert joins(opened(link_in(message).removeprefix("http://testserver")))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"uses": "0"}, "greater than or equal to 1"),
        ({"uses": "-1"}, "greater than or equal to"),
        ({"uses": "99999"}, "less than or equal to 10000"),
        ({"uses": "2", "email": "carol@example.org"}, "can join once"),
        ({"email": "SASHA@example.org"}, "already exists"),
        ({"email": "nobody"}, "valid email"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "12:00:00"}, "That is over"),
        ({"plan": "999"}, "valid choice"),
    ],
)
def test_a_bad_one_is_refused_kindly(
    sasha_client: Client, changes: dict[str, str], complaint: str
) -> None:
    response = sasha_client.post(ADD, form(**changes))
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not Invitation.objects.exists()


def test_revoking(sasha: User, sasha_client: Client, alice_client: Client) -> None:
    invitation, link = invite(sasha)
    act(alice_client, "accounts/invitation", "revoke", invitation)
    assert Client().get(link).status_code == 303
    assert "1 invitation revoked" in act(sasha_client, "accounts/invitation", "revoke", invitation)
    assert "0 invitations" in act(sasha_client, "accounts/invitation", "revoke", invitation)
    assert AuditEntry.objects.filter(action="invitation_revoked").count() == 1
    assert Client().get(link).status_code == 404


def test_a_warning_where_nobody_can_join(sasha_client: Client, settings: Settings) -> None:
    settings.SIGNUP = "closed"
    page = sasha_client.post(ADD, form(), follow=True).content.decode()
    assert "SIGNUP is closed" in page
