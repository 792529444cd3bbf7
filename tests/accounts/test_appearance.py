"""Appearance and keys: what a person chose is in the page itself, so that nothing flashes."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User

PAGE = "/settings/appearance/"
CHOICES = {"theme": "system", "send_key": "enter", "shortcuts": "on"}


def test_choices_are_kept(alice: User, alice_client: Client) -> None:
    chosen = {"theme": "dark", "high_contrast": "on", "send_key": "control-enter"}
    reply = alice_client.post(PAGE, chosen)
    assert (reply.status_code, reply["Location"]) == (303, PAGE)
    alice.refresh_from_db()
    assert (alice.theme, alice.high_contrast) == ("dark", True)
    assert (alice.send_key, alice.shortcuts) == ("control-enter", False)


@pytest.mark.parametrize("path", ["/", PAGE, "/presets/", "/no-such-page/"])
def test_every_page_is_made_in_the_chosen_theme(
    alice: User, alice_client: Client, path: str
) -> None:
    User.objects.filter(pk=alice.pk).update(theme="dark", high_contrast=True)
    page = alice_client.get(path).content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-contrast="more"' in page
    assert page.count('name="theme-color"') == 1
    assert '<meta name="color-scheme" content="dark">' in page


@pytest.mark.parametrize("path", ["/", "/accounts/login/"])
def test_without_a_choice_the_device_decides(
    client: Client, alice: User, alice_client: Client, path: str
) -> None:
    visitor = alice_client if path == "/" else client
    page = visitor.get(path).content.decode()
    assert "data-theme" not in page
    assert "data-contrast" not in page
    assert page.count('name="theme-color"') == 2


@pytest.mark.parametrize("name", ["theme", "send_key"])
def test_unknown_choice_changes_nothing(alice: User, alice_client: Client, name: str) -> None:
    reply = alice_client.post(PAGE, {**CHOICES, "high_contrast": "on", name: "purple"})
    assert reply.status_code == 400
    page = reply.content.decode()
    assert "data-contrast" not in page
    assert 'aria-invalid="true"' in page
    alice.refresh_from_db()
    assert not alice.high_contrast
