"""SIGNUP=approval: who signs up waits until an administrator lets them in."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts import services
from accounts.models import AuditEntry, User
from tests.accounts.codes import give_app
from tests.accounts.doors import is_signed_in, link_in, sign_in
from tests.accounts.test_admin import act
from tests.accounts.test_sign_in import SIGNUP
from tests.conftest import PASSWORD, make_user, signed_in

WAITING = "/accounts/waiting/"


@pytest.fixture(autouse=True)
def by_approval(settings: Settings) -> None:
    settings.SIGNUP = "approval"


@pytest.fixture
def carol(sasha: User) -> User:
    """She has just signed up."""
    client = Client()
    assert "approves each new account" in client.get("/accounts/signup/").content.decode()
    response = client.post("/accounts/signup/", SIGNUP)
    assert (response.status_code, response["Location"]) == (302, WAITING)
    assert not is_signed_in(client)
    return User.objects.get(username="carol")


def test_who_waits_is_told_so_at_the_door(carol: User) -> None:
    client = Client()
    response = client.post("/accounts/login/", {"login": "carol", "password": PASSWORD})
    assert response["Location"] == WAITING
    assert "now has to let you in" in client.get(WAITING).content.decode()
    wrong = client.post("/accounts/login/", {"login": "carol", "password": "x"})
    assert wrong.status_code == 200
    assert not is_signed_in(client)


def test_approving(carol: User, bob: User, sasha_client: Client) -> None:
    waiting = sasha_client.get("/admin/accounts/user/?awaits_approval__exact=1").content.decode()
    assert "carol" in waiting
    assert ">bob<" not in waiting
    page = act(sasha_client, "accounts/user", "approve", carol, bob)
    assert "1 user approved" in page
    entry = AuditEntry.objects.get(action="approved")
    assert (entry.actor_name, entry.subject_name) == ("sasha", "carol")
    client = Client()
    assert sign_in(client, "carol") == 302
    assert is_signed_in(client)
    assert not mail.outbox
    assert "0 users approved" in act(sasha_client, "accounts/user", "approve", carol)


def test_they_are_told_by_mail(
    transactional_db: None, with_mail: None, carol: User, sasha_client: Client
) -> None:
    assert "told by mail" in Client().get(WAITING).content.decode()
    act(sasha_client, "accounts/user", "approve", carol)
    (message,) = mail.outbox
    assert message.to == ["carol@example.org"]
    assert link_in(message) == "http://testserver/accounts/login/"
    client = Client()
    sign_in(client, "carol")
    assert not is_signed_in(client)  # the address is confirmed first
    client.post(link_in(mail.outbox[1]).removeprefix("http://testserver"))
    sign_in(client, "carol")
    assert is_signed_in(client)


def test_what_was_done_stays_done_where_no_mail_can_be_sent(
    transactional_db: None,
    with_mail: None,
    carol: User,
    sasha_client: Client,
    settings: Settings,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # where nobody listens
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    give_app(carol)
    assert "1 user approved" in act(sasha_client, "accounts/user", "approve", carol)
    page = act(sasha_client, "accounts/user", "remove_second_factors", carol)
    assert "the password alone" in page
    invitation = {"email": "dave@example.org", "uses": 1}
    added = sasha_client.post("/admin/accounts/invitation/add/", invitation, follow=True)
    assert "Copy the link now" in added.content.decode()


def test_who_was_suspended_does_not_wait(bob: User, sasha: User) -> None:
    services.suspend([bob])
    response = Client().post("/accounts/login/", {"login": "bob", "password": PASSWORD})
    assert response["Location"] == "/accounts/inactive/"
    assert services.approve([bob]) == 0


def test_suspending_and_letting_in_again_end_the_waiting(carol: User, sasha_client: Client) -> None:
    act(sasha_client, "accounts/user", "reactivate", carol)
    carol.refresh_from_db()
    assert (carol.is_active, carol.awaits_approval) == (True, False)


def test_only_who_may_change_people_approves(carol: User) -> None:
    clerk = make_user("clerk")
    clerk.is_staff = True
    clerk.save()
    act(signed_in(clerk), "accounts/user", "approve", carol)
    carol.refresh_from_db()
    assert carol.awaits_approval


def test_those_who_were_there_before_do_not_wait(alice: User, sasha: User) -> None:
    client = Client()
    sign_in(client, "alice")
    assert is_signed_in(client)
