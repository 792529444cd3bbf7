"""Every page in Chinese has no English left in it; and whose language it is follows the person, not the browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.exceptions import SuspiciousOperation
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from accounts import passes
from accounts.models import DailyUsage, Invitation, UsagePeriod, UsageRecord, User
from accounts.quotas import Allowance, QuotaExceeded
from chatsite import views
from conversations import errors
from conversations.models import RolePreset
from tests.processes import ROOT

from .test_every_route import PRIVATE, ROUTES, address, ids
from .visible import english_in, english_on

__all__ = ["ids"]  # a fixture

CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}
# Names and what has no other name in Chinese; the cast and the rows of these tests.
NAMES = """
    chatsite english token ai json uuid id url cookie top utf http https api gpt-5-mini gpt mini key openai sha ck_
    zip json enter shift ctrl esc mac python cmd markdown csv act prompt bool
    chatapi free unlimited alice alicia bob sasha private question answer none another browser utc example org
"""
# What Django's administration writes in no language but its own, and names of columns and roles.
UNTRANSLATED = """
    true false search user sessions ldap control command md max_tokens max_completion_tokens
    role assistant content planner zh-hans authenticators
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
    """Of the administration, without those about one row."""
    pages = [reverse("admin:index")]
    for model in admin.site._registry:
        pages += [reverse(name) for name in names(model, "changelist", "add")]
    return pages


def names(model: Any, *pages: str) -> list[str]:
    """Of those of a model's pages that there are."""
    known = {entry.name for entry in admin.site._registry[model].get_urls()}
    wanted = (f"{model._meta.app_label}_{model._meta.model_name}_{page}" for page in pages)
    return [f"admin:{name}" for name in wanted if name in known]


@pytest.fixture
def rows(alice: User, ids: dict[str, object]) -> None:
    """One row at least of everything, in Chinese where people write it."""
    RolePreset.objects.exclude(language="zh-hans", slug="planner").delete()
    today = date(2026, 11, 24)
    UsagePeriod.objects.create(user=alice, kind="day", start=today)
    UsageRecord.objects.create(user=alice, day=today, month=today.replace(day=1), outcome="reset")
    DailyUsage.objects.create(user=alice, day=today, service="chat")
    Invitation.objects.create(token_hash="0" * 64, note="给新同事")
    passes.give_pass(alice, now=timezone.now())


@pytest.mark.parametrize("page", admin_pages())
def test_pages_of_the_administration(sasha_client: Client, rows: None, page: str) -> None:
    check(chinese(sasha_client).get(page), known=KNOWN_TO_STAFF)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=str)
def test_one_row_in_the_administration(sasha_client: Client, rows: None, model: Any) -> None:
    row = model._default_manager.first()
    assert row is not None or model._meta.app_label == "auth"
    for name in names(model, "change", "delete", "history") if row else ():
        shown = chinese(sasha_client).get(reverse(name, args=[row.pk]))
        check(shown, known=KNOWN_TO_STAFF)
        # Django's double list, whose words come from a script and are English.
        assert model._meta.app_label == "auth" or b"selectfilter" not in shown.content


# --- E-mails ---------------------------------------------------------------------------------------------------------

MAILS = sorted(path.name for path in (ROOT / "templates/account/email").glob("*.txt"))


@pytest.mark.parametrize("name", MAILS)
def test_mails_are_chinese(alice: User, name: str) -> None:
    context = {
        "user": alice,
        "username": alice.username,
        "email": alice.email,
        "current_site": {"domain": "https://chat.example.org"},
        "password_reset_url": "https://chat.example.org/1",
        "activate_url": "https://chat.example.org/2",
    }
    with translation.override("zh-hans"):
        text = render_to_string(f"account/email/{name}", context)
    assert not english_in(text, known=KNOWN)
    assert re.search(r"[\u4e00-\u9fff]", text) or name == "base_message.txt"


@pytest.mark.parametrize(
    ("language", "browser", "subject"),
    [
        ("zh-hans", "en", "设置新密码"),
        ("en", "zh-CN", "Choose a new password"),
        ("", "zh-CN", "设置新密码"),
    ],
)
def test_a_mail_is_in_its_readers_language(
    alice: User, sasha: User, client: Client, language: str, browser: str, subject: str
) -> None:
    User.objects.filter(pk=alice.pk).update(language=language)
    headers = {"accept-language": browser}
    client.post("/accounts/password/reset/", {"email": alice.email}, headers=headers)
    (sent,) = mail.outbox
    assert sent.subject == subject
    assert bool(re.search(r"[\u4e00-\u9fff]", str(sent.body))) == (
        subject != "Choose a new password"
    )


# --- Whose language --------------------------------------------------------------------------------------------------


def test_the_switch_is_there_before_anyone_signs_in(sasha: User, client: Client) -> None:
    page = client.get("/accounts/login/").content.decode()
    assert 'lang="zh-hans"' in page
    assert "简体中文" in page
    assert "登录" not in page
    client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    page = client.get("/accounts/login/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="zh-hans"' in page
    assert "登录" in page
    assert "English" in page


def test_a_choice_counts_more_than_the_browser(alice: User, alice_client: Client) -> None:
    alice_client.post("/language/", {"language": "en"}, headers=CHINESE)
    assert '<html lang="en"' in alice_client.get("/", headers=CHINESE).content.decode()
    alice_client.post("/language/", {"language": "zh-hans"})
    assert '<html lang="zh-hans"' in alice_client.get("/").content.decode()


def test_the_choice_stays_after_signing_out(alice_client: Client) -> None:
    alice_client.post("/language/", {"language": "zh-hans"})
    alice_client.post("/accounts/logout/")
    assert '<html lang="zh-hans"' in alice_client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("browser", ["zh-CN", "zh", "zh-Hans-CN", "zh-SG,en;q=0.5"])
def test_browsers_that_ask_for_chinese(sasha: User, client: Client, browser: str) -> None:
    page = client.get("/accounts/login/", headers={"accept-language": browser})
    assert '<html lang="zh-hans"' in page.content.decode()
    assert page["Content-Language"] == "zh-hans"


@pytest.mark.parametrize("browser", ["fr-FR", "*", "", "xx;q=nonsense"])
def test_other_browsers_get_the_sites_language(sasha: User, client: Client, browser: str) -> None:
    page = client.get("/accounts/login/", headers={"accept-language": browser})
    assert '<html lang="en"' in page.content.decode()


def test_the_app_has_chinese_names(client: Client) -> None:
    manifest = client.get(reverse("manifest"), headers=CHINESE).json()
    assert manifest["lang"] == "zh-hans"
    names = [manifest["description"], *(shortcut["name"] for shortcut in manifest["shortcuts"])]
    assert not english_in(" ".join(names), known=KNOWN)


# --- Errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(errors.SENTENCES))
def test_sentences_about_answers(code: str) -> None:
    with translation.override("zh-hans"):
        assert not english_in(errors.sentence(code), known=KNOWN)


def test_errors_for_programs(alice_client: Client) -> None:
    headers = {**CHINESE, "accept": "application/json"}
    body = {"content": " ", "client_id": "1"}
    for url in ("/c/", f"/c/{UUID(int=1)}/", "/presets/"):
        response = alice_client.post(url, body, content_type="application/json", headers=headers)
        if "error" in (answer := response.json() if response.content else {}):
            assert not english_in(answer["error"]["message"], known=KNOWN | {"client_id"})
    refused = alice_client.post("/c/", {"content": " "}, "application/json", headers=headers)
    assert refused.json()["error"]["message"] == "消息为空，请先输入内容。"
    missing = alice_client.get(f"/c/{UUID(int=1)}/", headers=headers)
    assert missing.json()["error"]["message"] == "这里没有内容，或者内容不属于您。"


@pytest.mark.parametrize(
    ("view", "status", "heading"),
    [
        (views.csrf_failure, 403, "页面已过期"),
        (views.server_error, 500, "出错了"),
        (lambda request: views.bad_request(request, SuspiciousOperation()), 400, "无法理解该请求"),
        (lambda request: views.permission_denied(request, Exception()), 403, "没有权限"),
        (lambda request: views.page_not_found(request, Exception()), 404, "页面不存在"),
    ],
)
def test_error_pages(db: None, rf: RequestFactory, view: Any, status: int, heading: str) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    with translation.override("zh-hans"):
        page = view(request)
    assert page.status_code == status
    html = page.content.decode()
    assert heading in html
    assert not english_on(html, known=KNOWN)


def test_a_quota_says_when_it_renews() -> None:
    at = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    refusal = QuotaExceeded.of(
        Allowance("requests", "day", limit=20, spent=20, set_aside=0, renews_at=at)
    )
    with translation.override("zh-hans"), timezone.override("Asia/Shanghai"):
        sentence = str(refusal.message)
    assert sentence == ("您今天的 20 次请求已用完。额度将于 11月25日 00:00（Asia/Shanghai）恢复。")
    only = QuotaExceeded.of(
        Allowance("requests", "day", limit=1, spent=1, set_aside=0, renews_at=at)
    )
    assert str(only.message) == (
        "You have used the only request of today. Your quota renews on November 24 at 16:00 (UTC)."
    )


# --- The site's own language ------------------------------------------------------------------------------------------


def test_english_stays_english_on_a_chinese_site() -> None:
    """In a process of its own: Django remembers the site's language."""
    code = (
        "import django; django.setup();"
        "from django.utils import translation as t;"
        "print(t.gettext('Send'), [(t.activate('en'), t.gettext('Send'))[1]])"
    )
    environment = {
        **os.environ,
        "LANGUAGE_CODE": "zh-hans",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONIOENCODING": "utf-8",
    }
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == "发送 ['Send']"


@pytest.mark.parametrize(
    "form",
    [
        {"username": "alice", "email": "new", "password1": "short", "password2": "other"},
        {"username": "a b", "email": "n@example.org", "password1": "12345678", "password2": ""},
        {"username": "x", "email": "", "password1": "password", "password2": "password"},
    ],
)
def test_what_is_wrong_with_a_sign_up(
    alice: User, sasha: User, client: Client, form: dict[str, str]
) -> None:
    check(chinese(client).post("/accounts/signup/", form))
    check(chinese(client).post("/accounts/login/", {"login": "alice", "password": "wrong"}))
