"""A deleted account leaves no name, whoever did something with it before: in no table, of ours or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import invitations, services
from accounts.models import AuditEntry, Invitation, User
from tests.accounts.doors import browser
from tests.accounts.test_admin import act
from tests.accounts.test_keys_page import fields
from tests.conftest import PASSWORD, make_user
from tests.conversations.test_leaving import leave, where_is

MARK = "zelda7"


@pytest.fixture
def invited(sasha: User, sasha_client: Client) -> User:
    """Whom the administration invited by address and then did this and that with."""
    made = sasha_client.post(
        "/admin/accounts/invitation/add/",
        {"email": f"{MARK}@example.org", "note": f"For {MARK}", "uses": "1"},
    )
    assert made.status_code in {200, 302}
    person = make_user(MARK)
    invitations.use(Invitation.objects.get(), person, now=timezone.now())
    act(sasha_client, "accounts/user", "suspend", person)
    act(sasha_client, "accounts/user", "reactivate", person)
    log = partial(
        LogEntry.objects.log_actions,
        sasha.pk,
        action_flag=2,
        change_message=f"Changed {MARK}@example.org",
    )
    log(queryset=User.objects.filter(pk=person.pk))
    log(queryset=Invitation.objects.all())
    theirs = browser(MARK)
    theirs.post("/accounts/reauthenticate/", {"password": PASSWORD})
    theirs.post("/settings/keys/", fields(name=f"Key of {MARK}"))
    assert AuditEntry.objects.filter(target__contains=MARK).count() == 2
    return person


def by_themselves(user: User, admin: Client) -> None:
    assert leave(browser(user.username)).status_code == 303


def on_the_page(user: User, admin: Client) -> None:
    address = f"/admin/accounts/user/{user.pk}/delete/"
    assert admin.post(address, {"post": "yes"}).status_code == 302


def by_the_action(user: User, admin: Client) -> None:
    data = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
    assert admin.post("/admin/accounts/user/", data).status_code == 302


@pytest.mark.parametrize("delete", [by_themselves, on_the_page, by_the_action])
def test_no_name_is_left(
    invited: User, sasha_client: Client, delete: Callable[[User, Client], None]
) -> None:
    assert len(where_is(MARK)) > 8
    delete(invited, sasha_client)
    assert where_is(MARK) == []
    invitation = Invitation.objects.get()
    assert (invitation.used, invitation.email, invitation.note) == (1, "", "")
    told = AuditEntry.objects.get(action="invited")
    assert (told.target, told.actor_name) == (f"#{invited.pk}", "sasha")
    assert LogEntry.objects.filter(object_repr=f"#{invited.pk}").exists()


def test_others_keep_theirs(invited: User, sasha: User) -> None:
    """An invitation for many, another person's, and one that nobody has used: with no address it would be for all."""
    many = Invitation(note="The team", uses=5, used=1)
    unused = Invitation(email=f"{MARK}@example.org", created_at=timezone.now() - timedelta(days=9))
    other = Invitation(email="bob@example.org", used=1)
    for invitation in (many, unused, other):
        invitations.issue(invitation, by=sasha)
    services.delete_account(User.objects.get(pk=invited.pk), now=timezone.now())
    for invitation in (many, unused, other):
        before = (invitation.email, invitation.note)
        invitation.refresh_from_db()
        assert (invitation.email, invitation.note) == before
