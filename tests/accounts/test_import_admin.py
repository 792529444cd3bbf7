"""People from a file in the admin: what is wrong is listed, nothing is half done, links are shown once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from accounts import user_import
from accounts.models import AuditEntry, User
from tests.accounts.doors import sign_in
from tests.accounts.test_admin import inline_parts
from tests.accounts.test_commands import chooses_password
from tests.conftest import make_user, signed_in

PAGE = "/admin/accounts/user/import/"


def upload(client: Client, content: str | bytes, **fields: str) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(PAGE, {"file": SimpleUploadedFile("people.csv", data), **fields})


def test_the_page(sasha_client: Client) -> None:
    assert PAGE in sasha_client.get("/admin/accounts/user/").content.decode()
    page = sasha_client.get(PAGE)
    assert page.status_code == 200
    assert inline_parts(page.content.decode()) == []
    assert sasha_client.post(PAGE).status_code == 400


def test_importing(sasha_client: Client, alice: User) -> None:
    response = upload(
        sasha_client, "\ufeffusername,password,email\ncarol,,carol@example.org\nalice,new secret,\n"
    )
    page = response.content.decode()
    assert "1 created, 1 updated" in page
    (link,) = re.findall(r"http://testserver(/accounts/password/reset/key/[^<\s]+)", page)
    assert chooses_password(link, "a first pass phrase")
    assert sign_in(Client(), "carol", "a first pass phrase") == 302
    assert sign_in(Client(), "alice", "new secret") == 302
    written = AuditEntry.objects.filter(actor_name="sasha").values_list("action", "subject_name")
    assert {("account_created", "carol"), ("password_changed", "alice")} <= set(written)
    assert not mail.outbox


def test_links_are_mailed(sasha_client: Client, with_mail: None) -> None:
    page = upload(sasha_client, "username,password,email\ncarol,,carol@example.org\n")
    assert "1 has been mailed" in page.content.decode()
    assert mail.outbox[0].to == ["carol@example.org"]


def test_a_mail_server_that_is_down(
    sasha_client: Client, with_mail: None, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = upload(sasha_client, "username,password,email\ncarol,,carol@example.org\n")
    assert page.status_code == 200
    assert "hand the links over yourself" in page.content.decode()
    assert "/accounts/password/reset/key/" in page.content.decode()


def test_checking_only(sasha_client: Client) -> None:
    page = upload(sasha_client, "username,password\ncarol,\n", dry_run="on").content.decode()
    assert "1 to create, 0 to update. Nothing was written" in page
    assert "reset/key" not in page
    assert User.objects.count() == 1


def test_every_bad_row_is_listed(sasha_client: Client) -> None:
    table = "username,password\ncarol,\n=cmd(),\nCAROL,\n<img src=x>,\n"
    response = upload(sasha_client, table.encode("gb18030"))
    page = response.content.decode()
    assert response.status_code == 400
    assert "3 rows cannot be used" in page
    for part in ("row 3: ", "looks like a formula", "row 4: ", "already in row 2", "row 5: "):
        assert part in page
    assert "<img" not in page
    assert User.objects.count() == 1


def test_weak_passwords_are_refused(sasha_client: Client) -> None:
    response = upload(sasha_client, "username,password\ncarol,abc\ndave,\n")
    assert response.status_code == 400
    assert "row 2: the password: This password is too short" in response.content.decode()
    assert "strong" in sasha_client.get(PAGE).content.decode()
    assert User.objects.count() == 1


def test_in_chinese(sasha: User) -> None:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(sasha)
    page = upload(client, "username,password\n=x,\n").content.decode()
    assert "第 2 行" in page
    assert "looks like" not in page


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty. Its first line has to be username,password"),
        (b"username;password\n", "Semicolons separate the columns"),
        (b"name\n", "no column username and password"),
        (b"username,password\n\xff\xff\xff", "neither UTF-8 nor GB18030"),
        (b"username,password\n" + b"carol,x\n" * 1001, "import_users FILE"),
        (b"username,password\n" + b"x" * 500_000, "import_users FILE"),
        (b"\x89PNG\r\n\x1a\n\x00", "utf"),
    ],
)
def test_files_that_cannot_be_used(sasha_client: Client, content: bytes, why: str) -> None:
    response = upload(sasha_client, content)
    assert response.status_code == 400
    assert why.lower() in response.content.decode().lower()
    assert User.objects.count() == 1


def test_a_name_taken_meanwhile(sasha_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = user_import.hash_passwords

    def slowly(people: Any) -> None:
        hashed(people)
        make_user("carol")

    monkeypatch.setattr(user_import, "hash_passwords", slowly)
    response = upload(sasha_client, "username,password\ndave,\ncarol,\n")
    assert response.status_code == 400
    assert "Nothing was written" in response.content.decode()
    assert set(User.objects.values_list("username", flat=True)) == {"sasha", "carol"}


def test_administrators_only(alice_client: Client, bob: User) -> None:
    """A file could give an administrator another password."""
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client = signed_in(bob)
    assert PAGE not in client.get("/admin/accounts/user/").content.decode()
    assert upload(client, "username,password\ncarol,\n").status_code == 403
    assert upload(alice_client, "username,password\ncarol,\n").status_code == 302
    assert not User.objects.filter(username="carol").exists()
