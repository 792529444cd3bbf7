"""Who may show the site in a frame, and the cookies that browsers keep there; tests/browser/test_frames.py looks on."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.models import User
from chatsite.environment import Environment
from chatsite.middleware import FramedCookiesMiddleware
from tests.conftest import PASSWORD

FRAMER = "https://huggingface.co"
THREE = "SameSite=None; Secure; Partitioned"


@pytest.fixture
def framed(settings: LazySettings) -> None:
    settings.EMBED_ORIGINS = [FRAMER, "https://intranet.example.org:8443"]


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        ("off", []),
        (FRAMER, [FRAMER]),
        ("https://A.example.org/, https://b:8443", ["https://a.example.org", "https://b:8443"]),
        (f"{FRAMER} https://127.0.0.1", [FRAMER, "https://127.0.0.1"]),
    ],
)
def test_origins_are_read(monkeypatch: pytest.MonkeyPatch, text: str, origins: list[str]) -> None:
    monkeypatch.setenv("SOME", text)
    assert Environment().origins("SOME") == origins


@pytest.mark.usefixtures("framed")
def test_only_those_named_may_frame_a_page(alice_client: Client) -> None:
    response = alice_client.get("/")
    assert response["Content-Security-Policy"].endswith(
        f"frame-ancestors {FRAMER} https://intranet.example.org:8443"
    )
    assert "X-Frame-Options" not in response


@pytest.mark.usefixtures("framed")
@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/admin/no-such-page/"])
def test_the_administration_is_never_framed(sasha_client: Client, path: str) -> None:
    response = sasha_client.get(path)
    assert response["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("named", [True, False])
def test_the_way_to_the_administration_leads_out_of_the_frame(
    sasha_client: Client, settings: LazySettings, named: bool
) -> None:
    settings.EMBED_ORIGINS = [FRAMER] if named else []
    page = sasha_client.get("/").content.decode()
    assert ('<a href="/admin/" target="_blank">' in page) is named
    assert ('<a href="/admin/">' in page) is not named


@pytest.mark.usefixtures("framed")
def test_every_cookie_is_kept_in_a_frame(alice: User) -> None:
    client = Client()
    client.get("/accounts/login/")
    client.post("/language/", {"language": "zh-hans"})
    entered = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert entered.status_code == 302
    cookies = {*client.cookies}
    assert {"csrftoken", "sessionid"} < cookies
    for cookie in client.cookies.values():
        assert THREE in attributes(cookie.OutputString())
    left = client.post("/accounts/logout/")
    assert left.cookies["sessionid"]["max-age"] == 0
    assert THREE in attributes(left.cookies["sessionid"].OutputString())


@pytest.mark.usefixtures("framed")
def test_what_else_a_cookie_says_stays(rf: RequestFactory) -> None:
    def view(_request: object) -> HttpResponse:
        response = HttpResponse()
        response.set_cookie("word", 'a "b"; c', max_age=60, httponly=True, path="/x")
        return response

    response = FramedCookiesMiddleware(view)(rf.get("/"))
    assert isinstance(response, HttpResponse)
    sent = response.cookies["word"].OutputString()
    assert {"HttpOnly", "Max-Age=60", "Path=/x", "Partitioned", "Secure", "SameSite=None"} < {
        *sent.split("; ")
    }
    assert SimpleCookie(sent.partition("; expires")[0])["word"].value == 'a "b"; c'


def test_without_frames_cookies_are_as_ever(alice: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "Partitioned" not in client.cookies.output()
    assert client.cookies["sessionid"]["samesite"] == "Lax"


def attributes(header: str) -> str:
    """Those three in one order, where the header has them."""
    return "; ".join(part for part in THREE.split("; ") if part in header.split("; "))
