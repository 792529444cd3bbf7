"""Redis that is not there is a slower site, not a broken one."""

from __future__ import annotations

from django.test import Client, override_settings

from chatsite.cache import ForgivingRedisCache

NOWHERE = {
    "default": {
        "BACKEND": "chatsite.cache.ForgivingRedisCache",
        "LOCATION": "redis://127.0.0.1:9/0",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}


def test_nothing_is_kept_and_nothing_breaks() -> None:
    cache = ForgivingRedisCache("redis://127.0.0.1:9/0", {})
    cache.set("a", 1)
    assert cache.get("a", "fallback") == "fallback"
    assert cache.add("a", 1)
    assert not cache.has_key("a")
    assert cache.incr("a") == 1
    assert cache.get_many(["a"]) == {}
    assert cache.set_many({"a": 1}) == ["a"]
    assert not cache.delete("a")


def test_pages_are_served(alice_client: Client) -> None:
    with override_settings(CACHES=NOWHERE):
        assert alice_client.get("/").status_code == 200
        ready = alice_client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"]["cache"] == "failing"
