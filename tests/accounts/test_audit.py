"""The audit log: what is written down, for whom it can be read, and that nothing of it is ever changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import audit, quotas
from accounts.models import AuditEntry, Invitation, Plan, User
from accounts.quotas import Spent
from tests.conftest import PASSWORD, signed_in

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action


def told(**which: object) -> list[tuple[str, str, str, str]]:
    """Action, by whom, about whom, what; oldest first."""
    rows = AuditEntry.objects.filter(**which).order_by("pk")
    return [*rows.values_list("action", "actor_name", "subject_name", "target")]


def sign_in(client: Client, login: str, password: str) -> None:
    client.post("/accounts/login/", {"login": login, "password": password})


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def test_signing_in_and_out(client: Client, alice: User) -> None:
    sign_in(client, "alice", "wrong")
    sign_in(client, "ALICE", PASSWORD)
    client.post("/accounts/logout/")
    assert told() == [
        ("sign_in_failed", "", "alice", ""),
        ("signed_in", "alice", "alice", ""),
        ("signed_out", "alice", "alice", ""),
    ]
    assert {*AuditEntry.objects.values_list("address", flat=True)} == {"127.0.0.1"}


def test_a_wrong_password_of_a_program(client: Client, alice: User) -> None:
    reply = client.post("/token", {"u": "alice", "p": "wrong"}, content_type="application/json")
    assert reply.status_code == 401
    assert told() == [("sign_in_failed", "", "alice", "")]


def test_what_was_typed_where_a_name_belongs_is_not_kept(client: Client) -> None:
    sign_in(client, "my secret password", "oops")
    assert told() == []


def test_passwords_and_keys(client: Client, alice: User) -> None:
    client.force_login(alice)
    fields = {"oldpassword": PASSWORD, "password1": "another pass phrase"}
    client.post("/accounts/password/change/", {**fields, "password2": fields["password1"]})
    page = client.post(
        "/settings/keys/", {"name": "script", "scopes": "chat", "expires": "never"}
    ).content.decode()
    key = alice.api_keys.get()
    assert "script" in page
    for _twice in range(2):
        client.post(f"/settings/keys/{key.pk}/revoke/")
    call_command("create_key", "another", "--user", "alice")
    assert told(subject=alice)[1:] == [
        ("password_changed", "alice", "alice", ""),
        ("key_created", "alice", "alice", "script"),
        ("key_revoked", "alice", "alice", "script"),
        ("key_created", "create_key", "alice", "another"),
    ]
    assert "password" not in str(told(action=Action.PASSWORD_CHANGED)[0][3])


def change(client: Client, user: User, **fields: object) -> None:
    """Through the form of the administration, with everything else as it is."""
    page = client.get(f"/admin/accounts/user/{user.pk}/change/")
    form = page.context["adminform"].form
    sent = {name: value for name, value in form.initial.items() if value not in (None, False, [])}
    response = client.post(f"/admin/accounts/user/{user.pk}/change/", {**sent, **fields})
    assert response.status_code == 302, response.content.decode()


def test_what_administrators_do_to_accounts(client: Client, root: User, alice: User) -> None:
    client.force_login(root)
    plan = Plan.objects.create(name="Large")
    change(client, alice, plan=plan.pk)
    change(client, alice, is_staff="on")
    for action in ("suspend", "suspend", "reactivate"):
        client.post("/admin/accounts/user/", {"action": action, "_selected_action": [alice.pk]})
    passwords = {"password1": "a new pass phrase", "password2": "a new pass phrase"}
    client.post(f"/admin/accounts/user/{alice.pk}/password/", passwords)
    client.post(
        f"/admin/accounts/plan/{plan.pk}/change/", {"name": "Larger", "allowed_models": "[]"}
    )
    *of_alice, (last, _by, _about, of_the_plan) = told(actor=root)[1:]
    assert last == "plan_changed"
    assert of_the_plan.startswith("Larger: name: Larger")
    assert of_alice == [
        ("plan_changed", "root", "alice", "plan: Large"),
        ("role_changed", "root", "alice", "is_staff: True"),
        ("suspended", "root", "alice", ""),
        ("reactivated", "root", "alice", ""),
        ("password_changed", "root", "alice", ""),
    ]


def test_rights_that_come_with_an_account_or_a_group(client: Client, root: User) -> None:
    client.force_login(root)
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    person = {"username": "carol", "email": "carol@example.org", "language": "", **passwords}
    client.post("/admin/accounts/user/add/", {**person, "is_staff": "on", "is_superuser": "on"})
    right = Permission.objects.get(codename="break_glass")
    client.post("/admin/auth/group/add/", {"name": "Readers", "permissions": [right.pk]})
    group = Group.objects.get()
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Readers"})
    client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert told(actor=root)[1:] == [
        ("account_created", "root", "carol", ""),
        ("role_changed", "root", "carol", "is_staff: True, is_superuser: True"),
        ("role_changed", "root", "", "Readers: break_glass"),
        ("role_changed", "root", "", "Readers: –"),
        ("role_changed", "root", "", "Readers: –"),
    ]


def test_another_default_plan_and_an_invitation_that_is_deleted(client: Client, root: User) -> None:
    client.force_login(root)
    plan = Plan.objects.create(name="Large")
    chosen = {"action": "make_default", "_selected_action": [plan.pk]}
    client.post("/admin/accounts/plan/", chosen)
    notes = ("One", "Two")
    first, second = (Invitation.objects.create(note=one, token_hash=one) for one in notes)
    client.post(f"/admin/accounts/invitation/{first.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
    client.post("/admin/accounts/invitation/", chosen)
    assert told(actor=root)[1:] == [
        ("plan_changed", "root", "", "Large: is_default: True"),
        ("invitation_revoked", "root", "", "One"),
        ("invitation_revoked", "root", "", "Two"),
    ]


def test_a_reset_of_quotas(alice: User) -> None:
    key = uuid4()
    now = timezone.now()
    quotas.reserve(alice, key=key, limits=quotas.NO_LIMITS, tokens=9, least_tokens=9, now=now)
    quotas.settle(key, spent=Spent(4, 5), outcome="complete", model_name="m", now=now)  # type: ignore[arg-type]
    call_command("reset_quotas", "--user", "alice")
    ((action, by, about, what),) = told()
    assert (action, by, about) == ("quota_reset", "reset_quotas", "alice")
    assert what.startswith("day ")


def test_nothing_is_changed_or_taken_away(alice: User) -> None:
    entry = audit.record(Action.SIGNED_IN, actor=alice, subject=alice)
    attempts: list[Callable[[], object]] = [
        entry.delete,
        entry.save,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(target="nothing"),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match="append-only"):
            attempt()
    assert len(told()) == 1


def test_an_account_that_goes_leaves_what_it_did_without_its_name(
    client: Client, root: User, alice: User
) -> None:
    sign_in(client, "alice", "wrong")
    sign_in(client, "alice", PASSWORD)
    client.post("/settings/keys/", {"name": "For my diary", "scopes": "chat", "expires": "never"})
    number = f"#{alice.pk}"
    client.force_login(root)
    change(client, alice, email="dear.alice@example.org")
    client.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="alice").exists()
    assert ("signed_in", number, number, "") in told()
    assert told()[-1] == ("account_deleted", "root", "", number)
    assert "alice" not in str(told())
    assert ("key_created", number, number, "") in told()
    for gone in AuditEntry.objects.exclude(actor=root):
        assert (gone.actor, gone.subject, gone.address) == (None, None, None)


def test_people_read_what_is_about_them(client: Client, alice: User, bob: User, root: User) -> None:
    audit.record(Action.KEY_CREATED, actor=alice, subject=alice, target="<script>")
    audit.record(Action.GLASS_BROKEN, actor=root, subject=alice, reason="A complaint of 3 May")
    audit.record(Action.KEY_CREATED, actor=bob, subject=bob, target="bob's own")
    page = signed_in(alice).get("/settings/activity/").content.decode()
    assert "&lt;script&gt;" in page
    assert "A complaint of 3 May" in page
    assert "by root" in page
    assert "bob&#x27;s own" not in page
    assert client.get("/settings/activity/").status_code == 302


def test_a_long_log_is_read_page_by_page(alice: User) -> None:
    for number in range(120):
        audit.record(Action.KEY_CREATED, actor=alice, subject=alice, target=f"key-{number}-")
    client, seen, url = signed_in(alice), "", "/settings/activity/"
    for _page in range(3):
        page = client.get(url)
        seen += page.content.decode()
        url = f"/settings/activity/?before={page.context['older']}"
    assert page.context["older"] is None
    assert all(f"key-{number}-" in seen for number in range(120))
    assert client.get("/settings/activity/?before=x").status_code == 200


@pytest.mark.parametrize("text", ["=1+1", "＝1+1", "@SUM(1)", "\n=1", "\t=1"])
def test_administrators_take_it_away_as_csv(
    client: Client, root: User, alice: User, text: str
) -> None:
    client.force_login(root)
    entry = audit.record(Action.KEY_CREATED, actor=alice, subject=alice, target=text)
    response: Any = client.post(
        "/admin/accounts/auditentry/", {"action": "download", "_selected_action": [entry.pk]}
    )
    file = b"".join(response).decode()
    assert file.startswith("\ufeff")
    _head, row = csv.reader(io.StringIO(file[1:], newline=""))
    assert row[1:5] == ["key_created", "alice", "alice", f"'{text}"]
    change_page = client.get(f"/admin/accounts/auditentry/{entry.pk}/change/")
    assert 'name="_save"' not in change_page.content.decode()
