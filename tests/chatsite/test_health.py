"""What load balancers ask."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from conversations.models import ChatModel, Endpoint
from tests.upstream import Script, Upstream


def test_alive_for_any_host(client: Client) -> None:
    response = client.get("/livez", headers={"host": "10.1.2.3:81"})
    assert response.status_code == 200
    assert not response.cookies


def test_ready_names_its_checks(client: Client, db: None) -> None:
    response = client.get("/readyz", headers={"host": "elsewhere.invalid"})
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "ok"
    assert set(body["checks"]) == {"database", "migrations", "cache", "endpoint"}


def test_endpoint_that_is_down_only_degrades(client: Client, db: None) -> None:
    endpoint = Endpoint.objects.create(name="down", base_url="http://127.0.0.1:9/v1")
    ChatModel.objects.create(endpoint=endpoint, name="x", is_default=True)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")


def test_endpoint_that_hangs_is_asked_once_and_not_waited_for(client: Client, db: None) -> None:
    with Upstream() as upstream:
        upstream.models_script = Script("hang")
        endpoint = Endpoint.objects.create(name="hangs", base_url=upstream.url)
        ChatModel.objects.create(endpoint=endpoint, name="x", is_default=True)
        started = time.monotonic()
        states = [client.get("/readyz").json()["checks"]["endpoint"] for _ in range(3)]
        assert time.monotonic() - started < endpoint.first_delta_seconds / 2
        assert states == ["failing"] * 3
        assert len(upstream.requests) == 1


def test_draining_is_failing(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsite.drain.is_draining", lambda: True)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "failing")


@pytest.mark.parametrize("path", ["/robots.txt", "/favicon.ico", "/.well-known/change-password"])
def test_small_fixed_addresses(client: Client, db: None, path: str) -> None:
    assert client.get(path).status_code in {200, 302}
