"""Every route of the site, walked: strangers get 404, the signed-out are sent to sign in, nobody gets a 500.

A new route is in here without anyone thinking of it; one that takes an argument this file does not know fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import ApiKey, User
from conversations import runtime
from conversations.models import (
    ChatModel,
    Completion,
    Conversation,
    Endpoint,
    Folder,
    Message,
    RolePreset,
    Tag,
)
from conversations.presets import save_preset
from tests.accounts.codes import give_passkey
from tests.browser.test_accessibility import PREPARED, SIGNED_IN, view_name
from tests.browser.test_accessibility_of_the_door import ANONYMOUS
from tests.browser.test_joining import CHECKED as JOINING
from tests.browser.test_second_factors import CHECKED as SECOND_FACTORS
from tests.browser.test_single_sign_on import CHECKED as SINGLE_SIGN_ON
from tests.conftest import signed_in

WEBAPP = ("manifest.webmanifest", "sw.js", "offline/")
# Open to everyone: what one needs before signing in, and fixed small files.
PUBLIC = (
    "accounts/",
    "invitation/",
    "setup/",
    "language/",
    "robots.txt",
    "favicon.ico",
    ".well-known/",
    *WEBAPP,
)
WITH_A_REASON = "people/"  # tests/conversations/test_break_glass.py
METHODS = ("get", "post", "put", "delete", "patch")


def routes() -> Iterator[tuple[str, dict[str, type]]]:
    """Every pattern outside the admin as its route and the arguments it takes."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, dict[str, type]]]:
        for entry in patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                if entry.app_name != "admin":
                    yield from walk(entry.url_patterns, route)
            elif isinstance(entry, URLPattern):
                yield route, entry.pattern.converters

    yield from walk(get_resolver().url_patterns, "")


ROUTES = [route for route, _converters in routes()]
# No session counts there: tests/conversations/api/test_{rest_way_in,gateway}.py walk them with keys.
PROGRAMS = ("api/v1/", "v1/")
CHATAPI = ("token", "api")  # nor here
PAGES = [route for route in ROUTES if not route.startswith(PROGRAMS) and route not in CHATAPI]
PRIVATE = [route for route in PAGES if not route.startswith(PUBLIC)]


@pytest.fixture
def ids(alice: User) -> Iterator[dict[str, object]]:
    """Alice's own, by the name of the argument that takes it. An engine that stopping has started is ended."""
    endpoint = Endpoint.objects.create(name="none", base_url="http://127.0.0.1:9/v1")
    model = ChatModel.objects.create(endpoint=endpoint, name="none", is_default=True)
    conversation = Conversation.objects.create(owner=alice, title="Private")
    question = Message.objects.create(
        conversation=conversation, owner=alice, role="user", content="Private question"
    )
    answer = Message.objects.create(
        conversation=conversation,
        owner=alice,
        parent=question,
        role="assistant",
        content="Private answer",
    )
    completion = Completion.objects.create(
        message=answer,
        conversation=conversation,
        chat_model=model,
        model_name=model.name,
        status="complete",
    )
    conversation.current_leaf = answer
    conversation.save()
    session = UserSession.objects.create(
        user=alice, session_key="elsewhere", ip="127.0.0.1", user_agent="Another browser"
    )
    preset = RolePreset.objects.create(owner=alice, name="Private", instruction="Private")
    yield {
        "user_id": alice.pk,
        "preset_id": preset.pk,
        "number": 1,
        "session_id": session.pk,
        "key_id": ApiKey.objects.create(user=alice, name="Private", prefix="12345678").pk,
        "conversation_id": conversation.pk,
        "message_id": answer.pk,
        "index": 0,
        "completion_id": completion.pk,
        "folder_id": Folder.objects.create(owner=alice, name="Private").pk,
        "pk": give_passkey(alice, "Private").pk,
        "tag_id": Tag.objects.create(owner=alice, name="Private").pk,
    }
    runtime.shut_down_thread()


def address(route: str, ids: Mapping[str, object]) -> str:
    for name, value in ids.items():
        kind = "uuid" if isinstance(value, UUID) else "int"
        route = route.replace(f"<{kind}:{name}>", str(value))
    route = re.sub(r"<path:\w+>", "conversations", route)
    route = route.replace("<str:token>", "x").translate(dict.fromkeys(map(ord, "^$")))
    route = re.sub(r"\(\?P<\w+>.*?\)(?=[-/])", "x", route)  # allauth's are expressions
    assert "<" not in route, f"{route} takes an argument that this test does not know"
    return "/" + route


def test_there_are_routes() -> None:
    assert len(PRIVATE) > 15


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", [route for route in PRIVATE if "<" in route])
def test_stranger_gets_404(
    bob_client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    response = getattr(bob_client, method)(address(route, ids))
    assert response.status_code in {404, 405}
    assert b"Private" not in response.content
    assert Conversation.objects.filter(title="Private").exists()
    if response.status_code == 404:
        missing = {
            name: UUID(int=7) if isinstance(key, UUID) else 10**6 for name, key in ids.items()
        }
        same = getattr(bob_client, method)(address(route, missing))
        assert same.status_code == 404


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", PRIVATE)
def test_signed_out_is_sent_to_sign_in(
    client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    url = address(route, ids)
    response = getattr(client, method)(url)
    assert response.status_code in {302, 401, 405}
    if response.status_code == 302:
        assert response["Location"].startswith("/accounts/login/")
    program = getattr(client, method)(url, HTTP_ACCEPT="application/json")
    assert program.status_code in {302, 401, 405}
    assert b"Private" not in response.content + program.content


@pytest.mark.parametrize("route", PRIVATE)
def test_suspended_is_signed_out(
    alice: User, alice_client: Client, ids: dict[str, object], route: str
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    response = alice_client.get(address(route, ids))
    assert response.status_code in {302, 401, 405}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", PRIVATE)
def test_staff_reads_no_one_elses(
    sasha_client: Client, ids: dict[str, object], route: str, method: str
) -> None:
    if "<" not in route:
        return
    response = getattr(sasha_client, method)(address(route, ids))
    if route.startswith(WITH_A_REASON):
        assert response.status_code in {200, 302, 303, 405}
        assert b"Private" not in response.content
    else:
        assert response.status_code in {404, 405}


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("route", PAGES)
def test_post_without_the_csrf_token_is_refused(
    alice: User, ids: dict[str, object], route: str, method: str
) -> None:
    """Also those before the sign-in: whoever is signed in as somebody else does not notice."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert getattr(strict, method)(address(route, ids)).status_code in {403, 405}
    assert Conversation.objects.filter(title="Private").exists()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", CHATAPI)
def test_a_session_is_nothing_to_programs(
    alice: User, ids: dict[str, object], route: str, method: str
) -> None:
    """So nobody has to prove that the page they come from is one of ours."""
    assert route in ROUTES
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = getattr(client, method)(address(route, ids))
    assert response.status_code in {401, 405, 415}
    assert not response.cookies
    assert not response.has_header("Access-Control-Allow-Origin")


# --- Accessibility ---------------------------------------------------------------------------------------------------

LOOKED_AT = {
    *map(view_name, (*SIGNED_IN.values(), *ANONYMOUS.values())),
    *PREPARED.values(),
    *SECOND_FACTORS,
    *JOINING,
    *SINGLE_SIGN_ON,
    "accounts:setup",  # test_pages_before_the_administrator
    "conversations:others-chats",  # test_break_glass.py, as the next one
    "conversations:others-chat",
}
NOT_LOOKED_AT = {"usersessions_list"}  # the page of settings/sessions/ at allauth's address


def is_page(response: Any) -> bool:
    """Whole, not a fragment of one, and whatever its status."""
    return not response.streaming and b"<html" in response.content


@pytest.mark.parametrize("route", ROUTES)
def test_every_page_is_looked_at_by_axe(
    alice_client: Client, ids: dict[str, object], route: str
) -> None:
    """In tests/browser/test_accessibility*.py. The admin is Django's."""
    url = address(route, ids)
    if any(is_page(client.get(url)) for client in (alice_client, Client())):
        assert view_name(url) in LOOKED_AT | NOT_LOOKED_AT


# --- What people write is text ---------------------------------------------------------------------------------------

MARKUP = "'\"><img src=x onerror=alert(1)></script><!--"


@pytest.fixture
def hostile(alice: User, ids: dict[str, object]) -> dict[str, object]:
    """The same rows with markup wherever somebody can write."""
    User.objects.filter(pk=alice.pk).update(username=MARKUP, custom_instructions=MARKUP)
    Conversation.objects.update(title=MARKUP, preset_variables={"topic": MARKUP})
    for kind in (Folder, Tag):
        kind.objects.update(name=MARKUP[:40])
    Message.objects.update(content=MARKUP)
    Message.objects.filter(role="assistant").update(reasoning=MARKUP)
    UserSession.objects.update(user_agent=MARKUP)
    ApiKey.objects.update(name=MARKUP[:60], scopes=[MARKUP])
    passkey = Authenticator.objects.get()
    passkey.data["name"] = MARKUP
    passkey.save()
    preset = RolePreset.objects.get(owner=alice)
    preset.name = preset.description = preset.greeting = MARKUP
    preset.icon, preset.shared = MARKUP[:8], True
    preset.instruction = f"{MARKUP} {{{{topic}}}}"
    preset.example_prompts = [MARKUP]
    preset.few_shot_turns = [{"role": role, "content": MARKUP} for role in ("user", "assistant")]
    save_preset(preset)
    preset.greeting = ""
    save_preset(preset)
    Conversation.objects.update(preset=preset, folder=Folder.objects.get())
    Conversation.objects.get().tags.set(Tag.objects.all())
    return ids


def assert_shows_no_markup(response: Any) -> None:
    assert response.status_code < 500
    if not response.streaming and response["Content-Type"].startswith("text/html"):
        page = response.content.decode()
        assert "<img src=x" not in page
        assert MARKUP[:5] not in page  # nor out of an attribute


QUERIES = [
    {},
    {"q": MARKUP, "title": MARKUP, "url": MARKUP, "preset": MARKUP, "model": MARKUP},
    {"before": MARKUP, "edit": MARKUP, "part": MARKUP, "older": MARKUP, "folder": MARKUP},
    {"next": MARKUP, "archived": MARKUP, "deleted_at": MARKUP, "format": "text"},
]
WORDS = """content title name description instruction greeting example_prompts icon model preset action next value
username email login language scopes expires default_model default_preset folder tag message conversation"""
FIELDS = dict.fromkeys(WORDS.split(), MARKUP)


@pytest.mark.parametrize("route", ROUTES)
def test_markup_is_text_on_every_page(
    alice: User, alice_client: Client, bob_client: Client, hostile: dict[str, object], route: str
) -> None:
    """One's own, and what another person shares."""
    alice.refresh_from_db()
    url = address(route, hostile)
    for query in QUERIES:
        assert_shows_no_markup(alice_client.get(url, query))
    assert_shows_no_markup(bob_client.get(url))
    assert_shows_no_markup(alice_client.post(url, FIELDS))
    if not route:
        assert "&lt;img src=x" in bob_client.get("/presets/").content.decode()


@pytest.mark.parametrize(
    "kind",
    ["accounts/user", "accounts/apikey", "accounts/usagerecord", "conversations/rolepreset"],
)
def test_markup_is_text_in_the_admin(
    alice: User, sasha_client: Client, hostile: dict[str, object], kind: str
) -> None:
    RolePreset.objects.filter(owner=alice).update(owner=None, slug="hostile")
    for url in (f"/admin/{kind}/", f"/admin/{kind}/?q={quote(MARKUP)}", "/admin/"):
        assert_shows_no_markup(sasha_client.get(url))
    for page in ("change", "delete", "history"):
        assert_shows_no_markup(sasha_client.get(f"/admin/accounts/user/{alice.pk}/{page}/"))
        preset = hostile["preset_id"]
        assert_shows_no_markup(
            sasha_client.get(f"/admin/conversations/rolepreset/{preset}/{page}/")
        )


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\t//evil.example/",
    "javascript:alert(1)",
    "/\r\nLocation: https://evil.example/",
)


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_is_sent_elsewhere(alice: User, ids: dict[str, object], route: str) -> None:
    url = address(route, ids)
    for target in ELSEWHERE:
        fields = dict.fromkeys(("next", "url", "redirect_to"), target)
        client = signed_in(alice)
        for response in (
            client.get(url, fields),
            client.post(f"{url}?{urlencode(fields)}", fields),
            Client().get(url, fields),
        ):
            place = urlsplit(response.headers.get("Location", "/"))
            assert (place.scheme, place.netloc) == ("", "")
            assert place.path.startswith("/") or not place.path
            assert not place.path.startswith(("//", "/\\"))


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/c", "/\\evil.example"])
def test_a_path_like_an_address_leads_nowhere(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert urlsplit(response.headers.get("Location", "/")).netloc == ""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:80@evil"])
def test_another_sites_name_is_refused(client: Client, db: None, host: str) -> None:
    """Links in e-mails and redirects are made of it."""
    assert client.get("/accounts/login/", headers={"host": host}).status_code == 400
