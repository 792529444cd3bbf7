"""What an import does to accounts is in the audit log, in the same transaction, with who did it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import services, user_import
from accounts.models import Plan, User
from tests.accounts.test_audit import told
from tests.accounts.test_import_admin import upload

HEADER = "username,password,email,plan,group,language,is_active\n"


@pytest.fixture(autouse=True)
def choices(db: None) -> None:
    Plan.objects.create(name="Large")
    Group.objects.create(name="writers")


def bring(tmp_path: Path, *rows: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "\n".join(rows), encoding="utf-8")
    call_command("import_users", str(path))


def test_new_people(tmp_path: Path) -> None:
    bring(tmp_path, "carol,,,Large,writers,en,no", "dave,,,,,,yes")
    created = ("account_created", "import_users")
    assert told() == [
        (*created, "carol", "plan: Large, groups: +writers, is_active: False"),
        (*created, "dave", ""),
    ]


def test_known_people(tmp_path: Path, alice: User) -> None:
    everything = "alice,another pass phrase,new@example.org,Large,writers,en,no"
    bring(tmp_path, everything)
    first = [(action, by, what) for action, by, _about, what in told(subject=alice)]
    assert first == [
        ("password_changed", "import_users", ""),
        ("email_changed", "import_users", ""),
        ("plan_changed", "import_users", "plan: Large"),
        ("suspended", "import_users", ""),
        ("role_changed", "import_users", "groups: +writers"),
    ]
    bring(tmp_path, everything.replace("another pass phrase", ""))
    assert len(told()) == 5
    bring(tmp_path, "alice,,,,,,yes")
    assert told()[5:] == [("reactivated", "import_users", "alice", "")]
    assert "phrase" not in str(told())


def test_somebody_who_waited(tmp_path: Path, alice: User) -> None:
    services.await_approval(alice)
    bring(tmp_path, "alice,,,,,,yes")
    assert told() == [("approved", "import_users", "alice", "")]
    alice.refresh_from_db()
    assert (alice.is_active, alice.awaits_approval) == (True, False)


def test_in_the_admin(sasha_client: Client, sasha: User, alice: User) -> None:
    response = upload(sasha_client, f"{HEADER}alice,,,Large,,,\ncarol,,,,,,\n")
    assert response.status_code == 200
    assert told(actor=sasha, address="127.0.0.1") == [
        ("account_created", "sasha", "carol", ""),
        ("plan_changed", "sasha", "alice", "plan: Large"),
    ]


def test_nothing_is_told_of_what_did_not_happen(
    tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is deleted between the check and the writing."""
    hashed = user_import.hash_passwords

    def slowly(people: list[user_import.Person], **others: object) -> None:
        hashed(people)
        alice.delete()

    monkeypatch.setattr(user_import, "hash_passwords", slowly)
    with pytest.raises(CommandError, match="Nothing was written"):
        bring(tmp_path, "carol,,,,,,", "alice,,,Large,,,")
    assert told() == []
    assert not User.objects.filter(username="carol").exists()


def test_another_password_ends_what_is_open(tmp_path: Path, alice: User) -> None:
    """Keys, passes and streams follow the epoch."""
    bring(tmp_path, "alice,another pass phrase,,,,,")
    alice.refresh_from_db()
    assert alice.auth_epoch == 1
    bring(tmp_path, "alice,,,,,,no")
    alice.refresh_from_db()
    assert alice.auth_epoch == 2
    bring(tmp_path, "alice,,,,,,no")
    alice.refresh_from_db()
    assert alice.auth_epoch == 2


def test_the_last_administrator_stays(tmp_path: Path, sasha: User) -> None:
    """Without one, whoever reads the log of the next start may become it."""
    User.objects.create_superuser("root")
    bring(tmp_path, "root,,,,,,no")
    with pytest.raises(CommandError, match="row 3: 'sasha' is the last administrator"):
        bring(tmp_path, "root,,,,,,no", "sasha,,,,,,no")
    sasha.refresh_from_db()
    assert sasha.is_active
