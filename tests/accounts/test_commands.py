"""createsuperuser, import_users and reset_quotas, as an operator runs them."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import quotas, setup
from accounts.models import Plan, SetupLink, UsagePeriod, UsageRecord, User
from tests.accounts.doors import is_signed_in, sign_in
from tests.conftest import PASSWORD


def run(*args: Any, **options: Any) -> str:
    output = StringIO()
    call_command(*args, stdout=output, **options)
    return output.getvalue()


# --- createsuperuser ------------------------------------------------------------------------------------------------


def test_createsuperuser_verifies_the_address(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.new_setup_link("http://testserver")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput", "--username", "root", "--email", "Root@Example.org")
    user = User.objects.get()
    assert user.is_superuser
    assert user.email == user.email_key == "root@example.org"
    assert EmailAddress.objects.get(user=user, email="root@example.org").verified
    assert not SetupLink.objects.exists()
    assert sign_in(Client(), "Root@Example.org") == 302


def test_createsuperuser_without_an_address(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput", "--username", "root", "--email", "")
    assert User.objects.get().is_superuser


def test_createsuperuser_refuses_a_name_that_reads_the_same(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match="belongs to someone else"):
        run("createsuperuser", "--noinput", "--username", "ALICE", "--email", "")
    assert User.objects.count() == 1


# --- import_users ---------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """Writes a CSV file and gives its path."""

    def write(text: str, encoding: str = "utf-8") -> str:
        path = tmp_path / "users.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


FULL = """username,password,email,plan,group,language,is_active
carol,secret one,Carol@Example.org,Free,writers,zh-hans,yes
李雷,一句足够长的口令,,,,,
dave,secret three,,,,,no
"""


def test_import_creates_users(db: None, table: Any) -> None:
    writers = Group.objects.create(name="writers")
    Plan.objects.get_or_create(name="Free")
    assert run("import_users", table(FULL)) == "created 3, updated 0\n"
    carol = User.objects.get(username="carol")
    assert carol.email == carol.email_key == "carol@example.org"
    assert carol.plan is not None
    assert (carol.plan.name, carol.language) == ("Free", "zh-hans")
    assert list(carol.groups.all()) == [writers]
    assert EmailAddress.objects.get(user=carol).verified
    assert sign_in(Client(), "carol", "secret one") == 302
    assert sign_in(Client(), "李雷", "一句足够长的口令") == 302
    assert not User.objects.get(username="dave").is_active


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_import_understands_the_original_header_in_usual_encodings(
    db: None, table: Any, encoding: str
) -> None:
    path = table(
        "id,username,password\r\n1,李雷,a long secret\r\n\r\n2,韩梅梅,a long secret\r\n", encoding
    )
    run("import_users", path)
    assert set(User.objects.values_list("username", flat=True)) == {"李雷", "韩梅梅"}


def test_import_finds_columns_by_name(db: None, table: Any) -> None:
    run("import_users", table(" Password , USERNAME\na long secret,carol\n"))
    assert sign_in(Client(), "carol", "a long secret") == 302


def test_import_updates_an_existing_name(alice: User, table: Any) -> None:
    path = table("username,password,email,language\nALICE,,new@example.org,en\n")
    assert run("import_users", path) == "created 0, updated 1\n"
    alice.refresh_from_db()
    assert (alice.username, alice.email, alice.language) == ("alice", "new@example.org", "en")
    assert EmailAddress.objects.get(user=alice).email == "new@example.org"
    assert sign_in(Client(), "alice", PASSWORD) == 302


def test_import_changes_a_password_only_if_given(
    alice: User, alice_client: Client, table: Any
) -> None:
    run("import_users", table("username,password\nalice,\n"))
    assert is_signed_in(alice_client)
    run("import_users", table("username,password\nalice,another one\n"))
    assert not is_signed_in(alice_client)
    assert sign_in(Client(), "alice", "another one") == 302
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_import_suspends(alice: User, alice_client: Client, table: Any) -> None:
    run("import_users", table("username,password,is_active\nalice,,false\n"))
    assert not is_signed_in(alice_client)
    alice.refresh_from_db()
    assert (alice.is_active, alice.auth_epoch) == (False, 1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (",a long secret,,,,,", "empty"),
        ("ca rol,a long secret,,,,,", "valid username"),
        ("=cmd(),a long secret,,,,,", "formula"),
        ("+1,a long secret,,,,,", "formula"),
        ("x" * 151 + ",a long secret,,,,,", "150"),
        ("ＤＡＶＥ,a long secret,,,,,", "already in row 2"),
        ("carol,a long secret,nowhere,,,,", "not an e-mail address"),
        ("carol,a long secret,ALICE@example.org,,,,", "belongs to alice"),
        ("carol,a long secret,dave@example.org,,,,", "already in row 2"),
        ("carol,a long secret,,Gold,,,", "no plan 'Gold'"),
        ("carol,a long secret,,,nobody,,", "no group 'nobody'"),
        ("carol,a long secret,,,,fr,", "language 'fr'"),
        ("carol,a long secret,,,,,maybe", "neither true nor false"),
        ("carol,a long secret,,,,,yes,more", "more cells"),
        ("carol,a long\x00 secret,,,,,", "NUL"),
    ],
)
def test_import_names_a_bad_row_and_writes_nothing(
    alice: User, table: Any, line: str, why: str
) -> None:
    header = "username,password,email,plan,group,language,is_active"
    path = table(f"{header}\ndave,a long secret,dave@example.org,,,,\n{line}\n")
    with pytest.raises(CommandError) as caught:
        run("import_users", path)
    assert caught.value.returncode == 1
    first, last = str(caught.value).splitlines()
    assert first.startswith("row 3: ")
    assert why in first
    assert last == "Nothing was written."
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty. Its first line has to be username,password"),
        (b"\xef\xbb\xbf \r\n\r\n", "The file is empty"),
        (b"\nusername,password\n", "no column username and password"),
        (b"username;password\ncarol;\n", "Semicolons separate the columns.*commas"),
        (b"username\tpassword\ncarol\t\n", "Tabs separate the columns.*commas"),
        (b"username,mail;password\n", "Semicolons"),
        (b"PK\x03\x04\x14\x00", "This is a spreadsheet. Save its table as CSV"),
        (b"username,mail\n", "no column password"),
        (b"username,password,e-mail\n", "'e-mail' is not known"),
        (b"username,password,password\n", "twice"),
        (b"username,password\n\xff\xff\xff", "neither UTF-8 nor GB18030"),
        (b'username,password\n"carol,a long secret\n', "not a CSV file"),
    ],
)
def test_import_refuses_a_file(db: None, tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=why):
        run("import_users", str(path))


def test_import_without_a_password_prints_a_link(db: None, table: Any) -> None:
    path = table("username,password,email\ncarol,,carol@example.org\ndave,a long secret,\n")
    assert run("import_users", path, "--dry-run") == (
        "created 2, updated 0 (dry run: nothing was written)\n"
    )
    first, second = run("import_users", path).splitlines()
    assert first == "created 2, updated 0"
    name, link = second.split()
    assert name == "carol"
    assert link.startswith("http://127.0.0.1:8000/accounts/password/reset/key/")
    assert not User.objects.get(username="carol").has_usable_password()
    assert chooses_password(link.removeprefix("http://127.0.0.1:8000"), "a first pass phrase")
    assert sign_in(Client(), "carol", "a first pass phrase") == 302
    assert not chooses_password(link.removeprefix("http://127.0.0.1:8000"), "another phrase")
    assert run("import_users", path).splitlines() == ["created 0, updated 2"]


def chooses_password(path: str, password: str) -> bool:
    """By a link that shows a form once."""
    client = Client()
    page = client.get(path)
    if page.status_code != 302:
        return False
    fields = {"password1": password, "password2": password}
    return client.post(page["Location"], fields).status_code == 302


def test_import_mails_links(db: None, with_mail: None, table: Any) -> None:
    rows = "carol,,carol@example.org,zh-hans\ndave,,,\nerin,a long secret,erin@example.org,\n"
    output = json.loads(
        run("import_users", table(f"username,password,email,language\n{rows}"), "--json")
    )
    assert set(output["links"]) == {"carol", "dave"}
    (message,) = mail.outbox
    assert message.to == ["carol@example.org"]
    assert message.subject == "您的账户已就绪"
    assert output["links"]["carol"] in str(message.body)


def test_import_of_many_says_how_far_it_is(db: None, table: Any) -> None:
    rows = "".join(f"user{number},a long secret\n" for number in range(1_200))
    errors = StringIO()
    call_command(
        "import_users", table(f"username,password\n{rows}"), stdout=StringIO(), stderr=errors
    )
    assert errors.getvalue().splitlines() == [
        "500 of 1200 passwords hashed",
        "1000 of 1200 passwords hashed",
        "1200 of 1200 passwords hashed",
    ]
    assert User.objects.count() == 1_200


def test_import_needs_a_file(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_users", str(tmp_path / "absent.csv"))


def test_import_dry_run_and_json(alice: User, table: Any) -> None:
    path = table("username,password\nalice,another one\ncarol,a long secret\n")
    assert "dry run" in run("import_users", path, "--dry-run")
    result = json.loads(run("import_users", path, "--dry-run", "--json"))
    assert result == {"created": 1, "updated": 1, "errors": [], "dry_run": True, "links": {}}
    assert User.objects.count() == 1
    assert sign_in(Client(), "alice", PASSWORD) == 302


def test_import_tells_every_fault_of_a_row(alice: User, table: Any) -> None:
    header = "username,password,email,plan,group,language,is_active"
    worst = "ca rol,,ALICE@example.org,Gold,nobody,fr,maybe,more"
    with pytest.raises(CommandError) as caught:
        run("import_users", table(f"{header}\ndave,,,,,,\n{worst}\n,,x,,,,\n"))
    second, third, last = str(caught.value).splitlines()
    assert second.startswith("row 3: it has more cells than the first line; ")
    for part in ("valid username", "belongs to alice", "'Gold'", "'nobody'", "'fr'", "'maybe'"):
        assert part in second
    assert third == "row 4: the user name is empty; 'x' is not an e-mail address"
    assert last == "Nothing was written."
    assert User.objects.count() == 1


WEAK = """id,username,password
1,carol,abc
2,dave,password123
3,alice,alice@example.org
4,erin,20261129
5,frank,a pass phrase
"""


def test_import_refuses_weak_passwords(alice: User, table: Any) -> None:
    """As the page does on which people choose theirs; the original's table may hold any."""
    path = table(WEAK)
    with pytest.raises(CommandError) as caught:
        run("import_users", path)
    lines = str(caught.value).splitlines()
    whys = ("too short", "too common", "too similar", "numeric")
    for row, (line, why) in enumerate(zip(lines, whys, strict=False), start=2):
        assert line.startswith(f"row {row}: the password: ")
        assert why in line
    assert "abc" not in str(caught.value)
    assert User.objects.count() == 1
    assert run("import_users", path, "--allow-weak-passwords") == "created 4, updated 1\n"
    assert sign_in(Client(), "carol", "abc") == 302


def test_import_lists_bad_rows_as_json(db: None, table: Any) -> None:
    output = StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_users", table("username,password\n=carol,\n"), json=True, stdout=output
        )
    assert json.loads(output.getvalue())["errors"] == [
        {"row": 2, "error": "the user name '=carol' looks like a formula"}
    ]


# --- reset_quotas ---------------------------------------------------------------------------------------------------


def spend(user: User, *, requests: int = 1, tokens: int = 10) -> None:
    now = timezone.now()
    for _ in range(requests):
        key = uuid4()
        quotas.reserve(user, key=key, limits=quotas.NO_LIMITS, tokens=0, least_tokens=0, now=now)
        spent = quotas.Spent(tokens_in=tokens)
        outcome = UsageRecord.Outcome.COMPLETE
        quotas.settle(key, spent=spent, outcome=outcome, model_name="fake", now=now)


def used(user: User, kind: str = "day") -> int:
    return UsagePeriod.objects.get(user=user, kind=kind).used_requests


@pytest.fixture
def today() -> str:
    return quotas.Period.at(timezone.now()).day.isoformat()


def test_reset_gives_everyone_today_back(alice: User, bob: User, today: str) -> None:
    spend(alice, requests=2)
    spend(bob)
    assert run("reset_quotas") == (
        f"alice day {today} requests 2 tokens 20\n"
        f"bob day {today} requests 1 tokens 10\n"
        "total requests 3 tokens 30\n"
    )
    assert (used(alice), used(bob)) == (0, 0)
    assert (used(alice, "month"), used(bob, "month")) == (2, 1)
    assert run("reset_quotas") == "total requests 0 tokens 0\n"


def test_reset_of_months_and_days(alice: User, today: str) -> None:
    spend(alice)
    output = run("reset_quotas", "--period", "month", "--period", "day")
    assert output.splitlines() == [
        f"alice day {today} requests 1 tokens 10",
        f"alice month {today[:8]}01 requests 1 tokens 10",
        "total requests 2 tokens 20",
    ]
    assert (used(alice), used(alice, "month")) == (0, 0)


def test_reset_of_named_users_groups_and_plans(
    alice: User, bob: User, sasha: User, today: str
) -> None:
    writers = Group.objects.create(name="writers")
    bob.groups.add(writers)
    for user in (alice, bob, sasha):
        spend(user)
    assert "alice" in run("reset_quotas", "--user", "ALICE", "--dry-run")
    assert used(alice) == 1
    assert run("reset_quotas", "--group", "writers").startswith(f"bob day {today}")
    assert (used(alice), used(bob), used(sasha)) == (1, 0, 1)
    Plan.objects.update_or_create(name="Free", defaults={"is_default": True})
    assert run("reset_quotas", "--plan", "Free").startswith(f"alice day {today}")
    assert (used(alice), used(sasha)) == (0, 1)


@pytest.mark.parametrize("option", ["--user", "--group", "--plan"])
def test_reset_of_an_unknown_name_changes_nothing(alice: User, option: str) -> None:
    spend(alice)
    with pytest.raises(CommandError, match="nobody") as caught:
        run("reset_quotas", "--user", "alice", option, "nobody")
    assert caught.value.returncode == 1
    assert used(alice) == 1


def test_reset_as_json(alice: User, today: str) -> None:
    spend(alice)
    assert json.loads(run("reset_quotas", "--json")) == {
        "reset": [{"user": "alice", "period": "day", "start": today, "requests": 1, "tokens": 10}],
        "total": {"requests": 1, "tokens": 10},
        "dry_run": False,
    }
