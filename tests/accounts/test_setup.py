"""The first visit: the one-time link makes the administrator, once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from accounts import setup
from accounts.models import SetupLink, User
from tests.at_once import at_once

PASSWORD = "correct horse battery"
FORM = {
    "username": "root",
    "email": "Root@Example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture
def link(db: None) -> str:
    url = setup.new_setup_link("http://testserver")
    assert url is not None
    return url


def test_link_creates_the_administrator_and_signs_in(client: Client, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "strict-origin"

    response = client.post(link, FORM)

    assert (response.status_code, response["Location"]) == (303, "/")
    root = User.objects.get()
    assert root.is_superuser
    assert root.is_staff
    assert root.email == "root@example.org"
    assert EmailAddress.objects.get().verified
    assert client.get("/settings/profile/").status_code == 200
    assert not setup.is_needed()


def test_the_link_works_once(client: Client, link: str) -> None:
    client.post(link, FORM)
    for response in (Client().get(link), Client().post(link, {**FORM, "username": "second"})):
        assert response.status_code == 404
        assert "used or has expired" in response.content.decode()
    assert User.objects.count() == 1


def test_an_old_link_is_over(client: Client, link: str) -> None:
    SetupLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 404
    assert client.post(link, FORM).status_code == 404
    assert not User.objects.exists()


def test_a_new_start_ends_the_earlier_link(client: Client, link: str) -> None:
    newer = setup.new_setup_link("http://testserver")
    assert newer is not None
    assert client.get(link).status_code == 404
    assert client.get(newer).status_code == 200


def test_an_administrator_made_elsewhere_ends_the_link(client: Client, link: str) -> None:
    setup.create_administrator(username="shell", email="", password=PASSWORD)
    assert client.get(link).status_code == 404
    assert setup.new_setup_link("http://testserver") is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"username": ""}, "required"),
        ({"username": "=cmd()"}, "valid username"),
        ({"email": "nowhere"}, "valid email"),
        ({"password2": "different"}, "not the same"),
        ({"password1": "12345", "password2": "12345"}, "too short"),
        ({"password1": "", "password2": ""}, "required"),
    ],
)
def test_bad_input_keeps_the_link(
    client: Client, link: str, change: dict[str, str], complaint: str
) -> None:
    response = client.post(link, {**FORM, **change})
    assert response.status_code == 400
    assert complaint in response.content.decode()
    assert not User.objects.exists()
    assert client.get(link).status_code == 200


def test_a_taken_name_is_refused_kindly(client: Client, link: str, alice: User) -> None:
    response = client.post(link, {**FORM, "username": "ＡLICE"})
    assert response.status_code == 400
    assert "already exists" in response.content.decode()


def test_wrong_method(client: Client, link: str) -> None:
    assert client.put(link).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_posts_at_once_make_one_administrator() -> None:
    link = setup.new_setup_link("http://testserver")
    assert link is not None

    def post(name: str) -> int:
        return Client().post(link, {**FORM, "username": name, "email": ""}).status_code

    statuses = at_once(partial(post, "first"), partial(post, "second"))
    assert sorted(statuses) == [303, 404]
    assert User.objects.filter(is_superuser=True).count() == 1


def test_no_page_contains_the_link_and_every_page_mentions_it(client: Client, link: str) -> None:
    for address in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        text = client.get(address).content.decode()
        assert link.split("/")[-2] not in text
        assert "Open the setup link" in text


def test_environment_creates_the_administrator(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "envy")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Envy@Example.org")
    assert setup.ensure_superuser_from_environment()
    assert not setup.ensure_superuser_from_environment()
    user = User.objects.get()
    assert user.is_superuser
    assert EmailAddress.objects.get(email="envy@example.org").verified


def test_another_node_may_be_first(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the write, as when two start at once."""
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "envy")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    create = setup.create_administrator

    def after_the_other(**fields: str) -> User:
        create(**fields)
        return create(**fields)

    monkeypatch.setattr(setup, "create_administrator", after_the_other)
    assert not setup.ensure_superuser_from_environment()
    assert User.objects.get().is_superuser


@pytest.mark.parametrize("missing", ["USERNAME", "PASSWORD"])
def test_half_an_administrator_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "envy")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.delenv(f"DJANGO_SUPERUSER_{missing}")
    with pytest.raises(ImproperlyConfigured, match=missing):
        setup.ensure_superuser_from_environment()


def test_a_suspended_administrator_makes_the_link_needed_again(sasha: User) -> None:
    assert not setup.is_needed()
    User.objects.update(is_active=False)
    setup.forget_administrator()
    assert setup.new_setup_link("http://testserver") is not None
