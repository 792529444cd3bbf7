"""One form makes one role preset, however often it is sent; no script is needed for that."""

from __future__ import annotations

import re
from functools import partial
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import RolePreset
from tests.at_once import at_once
from tests.conftest import make_user, signed_in

NEW = "/presets/new/"
TURNS = {"turns-TOTAL_FORMS": "0", "turns-INITIAL_FORMS": "0"}


def form_id(page: str) -> str:
    found = re.search(r'name="form_id" value="([0-9a-f-]{36})"', page)
    assert found
    return found[1]


def fields(client: Client, **more: str) -> dict[str, str]:
    """As the page has them when it is opened."""
    opened = form_id(client.get(NEW).content.decode())
    return {**TURNS, "form_id": opened, "name": "Tutor", "instruction": "Teach.", **more}


def test_a_double_click(alice_client: Client) -> None:
    form = fields(alice_client)
    first, second = alice_client.post(NEW, form), alice_client.post(NEW, form)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert RolePreset.objects.get(name="Tutor").versions.count() == 1
    alice_client.post(NEW, fields(alice_client))
    assert RolePreset.objects.filter(name="Tutor").count() == 2


def test_at_the_same_moment(transactional_db: None) -> None:
    clients = [signed_in(make_user("ann"))]
    clients += [signed_in(User.objects.get(username="ann")) for _ in range(3)]
    form = fields(clients[0])
    replies = at_once(*[partial(client.post, NEW, form) for client in clients])
    assert {reply.status_code for reply in replies} == {303}
    assert RolePreset.objects.get(name="Tutor").versions.count() == 1


def test_going_back_changes_what_it_made(alice_client: Client) -> None:
    form = fields(alice_client)
    alice_client.post(NEW, form)
    alice_client.post(NEW, {**form, "name": "Teacher"})
    made = RolePreset.objects.exclude(owner=None).get()
    assert (made.name, made.versions.count()) == ("Teacher", 2)


def test_what_is_refused_stays_the_same_form(alice_client: Client) -> None:
    form = fields(alice_client)
    refused = alice_client.post(NEW, {**form, "name": ""})
    assert refused.status_code == 400
    assert form_id(refused.content.decode()) == form["form_id"]
    more = alice_client.post(NEW, {**form, "add-turn": "1"})
    assert form_id(more.content.decode()) == form["form_id"]


def test_a_form_of_somebody_else_makes_one_of_ones_own(
    alice: User, alice_client: Client, bob: User, bob_client: Client
) -> None:
    form = fields(alice_client)
    for client in (alice_client, bob_client):
        assert client.post(NEW, form).status_code == 303
    assert [user.role_presets.count() for user in (alice, bob)] == [1, 1]


@pytest.mark.parametrize("given", ["", "7", "\0", "x" * 1_000, str(UUID(int=7)).upper()])
def test_an_id_that_no_page_had(alice: User, alice_client: Client, given: str) -> None:
    assert alice_client.post(NEW, fields(alice_client, form_id=given)).status_code == 303
    assert alice.role_presets.count() == 1
