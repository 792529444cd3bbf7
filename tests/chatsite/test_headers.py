"""What every reply carries."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/", "/no-such-page/", "/livez"])
def test_policy_and_request_id(sasha_client: Client, path: str) -> None:
    response = sasha_client.get(path)
    if path != "/livez":
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
        assert len(response["X-Request-ID"]) >= 8
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"


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
