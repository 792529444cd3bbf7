"""Whom `/token` of the original ChatAPI lets in: whom the sign-in does with a name and a password alone."""

from __future__ import annotations

from functools import partial

from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import Pass, User
from tests.accounts.codes import give_app
from tests.at_once import at_once
from tests.conftest import PASSWORD, make_user
from tests.conversations.api.old_client import failure, post_token

WRONG = (401, "Invalid username or password")
ALICE = {"u": "alice", "p": PASSWORD}


def test_without_a_usable_password(alice: User) -> None:
    alice.set_unusable_password()
    alice.save(update_fields=["password"])
    for password in (PASSWORD, "", alice.password):
        assert failure(post_token({"u": "alice", "p": password})) == WRONG


def test_with_a_second_factor(alice: User) -> None:
    assert post_token(ALICE).status_code == 201
    give_app(alice)
    assert failure(post_token(ALICE)) == WRONG


def test_with_mail_an_address_is_confirmed_first(alice: User, with_mail: None) -> None:
    assert post_token(ALICE).status_code == 201
    EmailAddress.objects.update(verified=False)
    assert failure(post_token(ALICE)) == WRONG
    EmailAddress.objects.all().delete()
    User.objects.filter(pk=alice.pk).update(email="", email_key=None)
    assert post_token(ALICE).status_code == 200


def test_by_the_address_as_at_the_sign_in(alice: User) -> None:
    response = post_token({"u": "alice@example.org", "p": PASSWORD})
    assert response.status_code == 201
    assert response.json()["message"]["username"] == "alice"


def test_asked_for_at_once_there_is_one(transactional_db: None) -> None:
    make_user("alice")
    replies = at_once(*[partial(post_token, ALICE)] * 8)
    assert sorted(reply.status_code for reply in replies) == [200] * 7 + [201]
    assert len({reply.json()["message"]["token"] for reply in replies}) == 1


def test_an_administrator_ends_a_pass(alice: User, sasha_client: Client) -> None:
    post_token(ALICE)
    given = Pass.objects.get()
    address = f"/admin/accounts/pass/{given.pk}/"
    page = sasha_client.get("/admin/accounts/pass/").content.decode()
    assert "alice" in page
    assert sasha_client.get("/admin/accounts/pass/add/").status_code == 403
    assert sasha_client.post(f"{address}change/", {}).status_code == 403
    assert sasha_client.post(f"{address}delete/", {"post": "yes"}).status_code == 302
    assert post_token(ALICE).status_code == 201
    assert Pass.objects.get().jti != given.jti
