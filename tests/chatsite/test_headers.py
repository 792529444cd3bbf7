"""What every reply carries."""

from __future__ import annotations

import logging
from typing import cast

import pytest
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from chatsite.logs import RequestIdFilter
from chatsite.views import server_error


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/", "/no-such-page/", "/livez"])
def test_policy_and_request_id(sasha_client: Client, path: str) -> None:
    response = sasha_client.get(path)
    assert len(response["X-Request-ID"]) >= 8
    if path != "/livez":
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert "no-cache" in response["Cache-Control"] or "no-store" in response["Cache-Control"]


def test_log_lines_do_not_show_the_setup_token() -> None:
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 0, "Bad Request: %s", ("/setup/t0ken/",), None
    )
    RequestIdFilter().filter(record)
    assert "t0ken" not in record.getMessage()


def test_proxys_request_id_is_kept_if_it_is_sound(client: Client, db: None) -> None:
    sound = client.get("/accounts/login/", headers={"x-request-id": "abcdef-123456"})
    assert sound["X-Request-ID"] == "abcdef-123456"
    unsound = client.get("/accounts/login/", headers={"x-request-id": "a b<c>" * 20})
    assert "<" not in unsound["X-Request-ID"]


def test_missing_page_as_json(client: Client, db: None) -> None:
    response = client.get("/no-such-page/", headers={"accept": "application/json"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
    assert response.json()["error"]["request_id"] == response["X-Request-ID"]


def test_admin_has_one_login_door(client: Client, db: None) -> None:
    response = client.get("/admin/login/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_server_error_needs_no_database(rf: RequestFactory, accept: str) -> None:
    """Without the `db` fixture any query fails."""
    request = rf.get("/", headers={"accept": accept})
    request.user = cast(User, SimpleLazyObject(lambda: User.objects.get(pk=1)))
    response = server_error(request)
    assert response.status_code == 500
    assert b"administrator" in response.content
