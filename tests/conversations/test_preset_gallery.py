"""The gallery of role presets: what is in it, searching it, what new chats begin with, what it costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from conversations.models import RolePreset
from conversations.views import presets as views
from tests.conversations.talk import chosen_preset


def cards(client: Client, query: str = "") -> dict[str, list[str]]:
    """Names by group."""
    response = client.get(f"/presets/{query}")
    assert response.status_code == 200
    groups = response.context["groups"]
    return {group.name: [card.name for card in group.cards] for group in groups}


def add(owner: User, *names: str, **fields: object) -> list[RolePreset]:
    rows = [
        RolePreset(owner=owner, name=name, instruction="Be.", slug="x", **fields) for name in names
    ]
    return RolePreset.objects.bulk_create(rows)


def test_three_groups(alice: User, bob: User, alice_client: Client) -> None:
    add(alice, "Mine")
    add(bob, "Theirs", shared=True)
    add(bob, "Secret")
    shown = cards(alice_client)
    assert (shown["own"], shown["others"]) == (["Mine"], ["Theirs"])
    assert len(shown["site"]) >= 8
    page = alice_client.get("/presets/").content.decode()
    assert "by bob" in page
    assert "Secret" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=mürbe", ["MÜRBE Teig"]),
        ("?q=teig+BAKING", ["MÜRBE Teig"]),
        ("?q=翻译官", ["翻译官"]),
        ("?q=no-such-thing", []),
        ("?q=%00%27%3C", []),
    ],
)
def test_search(alice: User, alice_client: Client, query: str, found: list[str]) -> None:
    add(alice, "MÜRBE Teig", description="All about baking")
    add(alice, "翻译官")
    shown = cards(alice_client, query)
    assert [name for names in shown.values() for name in names] == found


def test_site_presets_in_ones_language(alice_client: Client, db: None) -> None:
    assert "Translator" in cards(alice_client)["site"]
    alice_client.cookies["django_language"] = "zh-hans"
    assert "翻译" in cards(alice_client)["site"]


def test_defaults_change_one_by_one(alice: User, alice_client: Client) -> None:
    (mine,) = add(alice, "Mine")
    assert alice_client.post("/presets/", {"default_preset": str(mine.pk)}).status_code == 303
    assert "New chats begin with it" in alice_client.get("/presets/").content.decode()
    assert alice_client.post("/presets/", {"default_model": ""}).status_code == 303
    alice.refresh_from_db()
    assert alice.default_preset == str(mine.pk)
    assert alice_client.post("/presets/", {"default_preset": "nobody"}).status_code == 400
    assert alice_client.post("/presets/", {"default_preset": ""}).status_code == 303
    alice.refresh_from_db()
    assert alice.default_preset == ""


def test_a_default_is_kept_by_its_key_however_it_is_spelt(
    alice: User, alice_client: Client
) -> None:
    (mine,) = add(alice, "Mine")
    spelt = "-" * 100 + mine.pk.hex.upper()
    assert alice_client.post("/presets/", {"default_preset": spelt}).status_code == 303
    alice.refresh_from_db()
    assert alice.default_preset == str(mine.pk)


def test_a_key_that_cannot_be_looked_for(alice_client: Client) -> None:
    """On PostgreSQL, which has no NUL in texts."""
    assert alice_client.get("/?preset=%00").status_code == 200


def test_a_large_group_is_cut_until_all_is_asked_for(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "AT_ONCE", 20)
    add(alice, *(f"Number {number:02}" for number in range(25)))
    assert len(cards(alice_client)["own"]) == 20
    assert "Show 5 more" in alice_client.get("/presets/?q=number").content.decode()
    assert len(cards(alice_client, "?q=number&all")["own"]) == 25


def test_costs_the_same_for_three_and_for_thirty(
    alice: User, bob: User, alice_client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            cards(alice_client)
        return len(captured)

    add(alice, "One")
    add(bob, "Two", "Three", shared=True)
    small = queries()
    add(alice, *map(str, range(15)))
    add(bob, *map(str, range(15)), shared=True)
    assert queries() == small <= 10


def test_pickers_offer_some_of_others_and_always_the_one_that_is_asked_for(
    alice: User, bob: User, alice_client: Client
) -> None:
    rows = add(bob, *(f"Shared {number:03}" for number in range(60)), shared=True)
    page = alice_client.get("/").content.decode()
    assert page.count('data-name="Shared 0') == 50
    asked = alice_client.get(f"/?preset={rows[-1].pk}").content.decode()
    assert chosen_preset(asked) == str(rows[-1].pk)


@pytest.mark.parametrize("page", ["/", "/conversations/palette/", "/presets/"])
def test_a_page_does_not_read_the_long_texts_of_all(
    alice: User, bob: User, alice_client: Client, page: str
) -> None:
    """Fifty shared ones at their longest would be megabytes, for every page of everybody."""
    add(alice, "One")
    add(bob, "Two", shared=True)
    with CaptureQueriesContext(connection) as captured:
        assert alice_client.get(page).status_code == 200
    assert not [query for query in captured if "few_shot_turns" in query["sql"]]


def test_wrong_method(alice_client: Client) -> None:
    assert alice_client.put("/presets/").status_code == 405
