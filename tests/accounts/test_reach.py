"""Whoever may change accounts in the administration gets no further by it than they are."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import api_keys, passes
from accounts.emails import write_address
from accounts.models import AuditEntry, Pass, User
from tests.accounts.test_admin import act, user_form
from tests.conftest import make_user, signed_in

MODELS = ("user", "group", "apikey", "pass", "plan", "invitation", "emailaddress")


def staff(name: str, *rights: str) -> User:
    """Somebody who may work on accounts, and has these rights beside."""
    user = make_user(name)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(content_type__model__in=MODELS))
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def clerk(db: None) -> User:
    return staff("clerk")


@pytest.fixture
def clerk_client(clerk: User) -> Client:
    return signed_in(clerk)


@pytest.fixture(params=["own", "group", "suspended"])
def reader(request: pytest.FixtureRequest, db: None) -> User:
    """Somebody who may read other people's chats with a reason, which the clerk may not."""
    user = staff("reader")
    right = Permission.objects.get(codename="break_glass")
    if request.param == "group":
        group = Group.objects.create(name="Readers")
        group.permissions.add(right)
        user.groups.add(group)
    else:
        user.user_permissions.add(right)
    user.is_active = request.param != "suspended"
    user.save()
    return user


def test_nobody_takes_the_account_of_whoever_may_do_more(
    clerk_client: Client, reader: User
) -> None:
    api_keys.create_key(reader, name="One", now=timezone.now())
    passes.give_pass(reader, now=timezone.now())
    before = User.objects.values().get(pk=reader.pk)
    address = f"/admin/accounts/user/{reader.pk}/"
    passwords = {"password1": "a new pass phrase", "password2": "a new pass phrase"}
    assert clerk_client.post(f"{address}password/", passwords).status_code == 403
    changed = user_form(username="reader", email="clerk@example.com")
    assert clerk_client.post(f"{address}change/", changed).status_code == 403
    assert clerk_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    for action in ("suspend", "reactivate", "remove_second_factors", "delete_selected"):
        data = {"action": action, "_selected_action": [reader.pk], "post": "yes"}
        clerk_client.post("/admin/accounts/user/", data)
    act(clerk_client, "accounts/apikey", "revoke", *reader.api_keys.all())
    act(clerk_client, "accounts/pass", "delete_selected", *Pass.objects.all())
    assert User.objects.values().get(pk=reader.pk) == before
    assert reader.api_keys.get().revoked_at is None
    assert not AuditEntry.objects.filter(subject=reader).exists()


def test_of_others_they_look_after_the_accounts(
    clerk: User, clerk_client: Client, alice: User
) -> None:
    equal = staff("equal")
    for user in (alice, equal, clerk):
        address = f"/admin/accounts/user/{user.pk}/change/"
        assert clerk_client.post(address, user_form(username=user.username)).status_code == 302
    act(clerk_client, "accounts/user", "suspend", alice, equal)
    assert User.objects.filter(is_active=False).count() == 2


def test_a_pass_that_staff_end_is_written_down(
    sasha: User, sasha_client: Client, clerk_client: Client, alice: User
) -> None:
    for user in (alice, sasha):
        passes.give_pass(user, now=timezone.now())
    of_alice, own = Pass.objects.order_by("user__username")
    end_own = f"/admin/accounts/pass/{own.pk}/delete/"
    assert clerk_client.post(end_own, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [of_alice.pk], "post": "yes"}
    assert clerk_client.post("/admin/accounts/pass/", chosen).status_code == 302
    assert sasha_client.post(end_own, {"post": "yes"}).status_code == 302
    ended = AuditEntry.objects.filter(action="pass_revoked").order_by("pk")
    told = [*ended.values_list("actor_name", "subject_name")]
    assert told == [("clerk", "alice"), ("sasha", "sasha")]


def test_staff_give_themselves_no_rights_through_groups(clerk: User, clerk_client: Client) -> None:
    group = Group.objects.create(name="Clerks")
    clerk.groups.add(group)
    every = [*Permission.objects.values_list("pk", flat=True)]
    rights = {"name": "Clerks", "permissions": every}
    for address in (f"{group.pk}/change/", "add/"):
        assert clerk_client.post(f"/admin/auth/group/{address}", rights).status_code == 403
    gone = clerk_client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 403
    assert not group.permissions.exists()


def test_nobody_writes_an_address_beside_another_account(
    sasha_client: Client, clerk_client: Client, sasha: User
) -> None:
    """It would count as verified, and its owner could choose a password."""
    row = {"user": sasha.pk, "email": "clerk@example.com", "verified": "on", "primary": "on"}
    for client in (clerk_client, sasha_client):
        assert client.post("/admin/account/emailaddress/add/", row).status_code == 404
    assert [one.email for one in EmailAddress.objects.filter(user=sasha)] == [sasha.email]


def test_staff_confirm_an_address_that_no_mail_reaches(
    sasha: User, clerk_client: Client, alice: User
) -> None:
    for user in (alice, sasha):
        write_address(user, verified=False)
    act(clerk_client, "accounts/user", "confirm_addresses", alice, sasha)
    page = act(clerk_client, "accounts/user", "confirm_addresses", alice)
    assert "0 addresses confirmed" in page
    assert EmailAddress.objects.get(user=alice).verified
    assert not EmailAddress.objects.get(user=sasha).verified
    told = AuditEntry.objects.get(subject=alice)
    assert (told.action, told.target) == ("email_changed", "verified")


@pytest.mark.django_db(transaction=True)
def test_the_person_learns_what_was_done_to_the_account(
    sasha_client: Client, alice: User, settings: Settings
) -> None:
    """At the address that was theirs: nobody takes an account unseen."""
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    address = f"/admin/accounts/user/{alice.pk}/"
    passwords = {"password1": "a new pass phrase", "password2": "a new pass phrase"}
    sasha_client.post(f"{address}password/", passwords)
    for email in ("sasha@example.com", ""):
        sasha_client.post(f"{address}change/", user_form(username="alice", email=email))
    assert [(one.to, one.subject) for one in mail.outbox] == [
        (["alice@example.org"], "Password Changed"),
        (["alice@example.org"], "Email Changed"),
        (["sasha@example.com"], "Email Changed"),
    ]
