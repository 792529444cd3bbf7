"""Every page in Chinese has no English left in it; and whose language it is follows the person, not the browser."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import UsagePeriod, UsageRecord, User
from conversations.models import RolePreset

from .test_every_route import PRIVATE, ROUTES, address, ids
from .visible import english_on

__all__ = ["ids"]  # a fixture

CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}
# Names and what has no other name in Chinese; the cast and the rows of these tests.
NAMES = """
    chatsite english token ai json uuid id url cookie top utf http https api gpt-5-mini gpt mini key openai sha
    enter shift ctrl esc python cmd markdown csv act prompt bool
    free unlimited alice alicia bob sasha private question answer none another browser utc example org
"""
# What Django's administration writes in no language but its own, and names of columns and roles.
UNTRANSLATED = """
    true false search user sessions ldap control command mac md max_tokens max_completion_tokens
    role assistant content planner zh-hans
"""
KNOWN = frozenset(NAMES.split())
KNOWN_TO_STAFF = KNOWN | frozenset(UNTRANSLATED.split())
# The offline page says all in both.
PUBLIC = [
    route
    for route in ROUTES
    if route not in PRIVATE and not route.startswith(("robots", "favicon", "offline"))
]


def chinese(client: Client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = CHINESE["accept-language"]
    return client


def check(response: Any, *, known: frozenset[str] = KNOWN) -> None:
    assert response.status_code < 500
    if not response.get("Content-Type", "").startswith("text/html") or not response.content:
        return
    html = response.content.decode()
    assert re.search(r'<html[^>]* lang="zh-[hH]ans"', html) or "<html" not in html
    assert not english_on(html, known=known)


@pytest.mark.parametrize("route", PRIVATE)
def test_pages_of_a_person(alice_client: Client, ids: dict[str, object], route: str) -> None:
    check(chinese(alice_client).get(address(route, ids)))


@pytest.mark.parametrize("route", [route for route in PUBLIC if "<" not in route])
def test_pages_at_the_door(db: None, client: Client, route: str) -> None:
    check(chinese(client).get("/" + route))
    check(chinese(client).post("/" + route, {}))


def admin_pages() -> list[str]:
    pages = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
    return pages


@pytest.fixture
def rows(alice: User, ids: dict[str, object]) -> None:
    """One row at least of everything, in Chinese where people write it."""
    RolePreset.objects.exclude(language="zh-hans", slug="planner").delete()
    today = date(2026, 11, 24)
    UsagePeriod.objects.create(user=alice, kind="day", start=today)
    UsageRecord.objects.create(user=alice, day=today, month=today.replace(day=1), outcome="reset")


@pytest.mark.parametrize("page", admin_pages())
def test_pages_of_the_administration(sasha_client: Client, rows: None, page: str) -> None:
    check(chinese(sasha_client).get(page), known=KNOWN_TO_STAFF)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=str)
def test_one_row_in_the_administration(sasha_client: Client, rows: None, model: Any) -> None:
    row = model._default_manager.first()
    assert row is not None or model._meta.app_label == "auth"
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for page in ("change", "delete", "history") if row else ():
        url = reverse(f"{name}_{page}", args=[row.pk])
        check(chinese(sasha_client).get(url), known=KNOWN_TO_STAFF)
