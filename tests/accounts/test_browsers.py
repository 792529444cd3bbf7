"""What a person is told of the browsers in which they are signed in."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.browsers import description
from accounts.models import User
from tests.accounts.doors import sign_in

LIKE_ALL = "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser} Safari/537.36"
LINUX, WINDOWS = "X11; Linux x86_64", "Windows NT 10.0; Win64; x64"
MAC, PHONE = "Macintosh; Intel Mac OS X 10_15_7", "iPhone; CPU iPhone OS 18_5 like Mac OS X"


@pytest.mark.parametrize(
    ("system", "browser", "told"),
    [
        (LINUX, "Chrome/156.0.0.0", "Chrome on Linux"),
        (WINDOWS, "Chrome/156.0.0.0 Edg/156.0.0.0", "Edge on Windows"),
        (WINDOWS, "Chrome/156.0.0.0 OPR/121.0.0.0", "Opera on Windows"),
        (MAC, "Version/18.5", "Safari on macOS"),
        (PHONE, "Version/18.5 Mobile/15E148", "Safari on iPhone"),
        (PHONE, "CriOS/156.0 Mobile/15E148", "Chrome on iPhone"),
        ("Linux; Android 16; K", "Chrome/156.0 Mobile", "Chrome on Android"),
        ("Linux; Android 16", "SamsungBrowser/29 Chrome/136.0", "Samsung Internet on Android"),
    ],
)
def test_browsers(system: str, browser: str, told: str) -> None:
    assert description(LIKE_ALL.format(system=system, browser=browser)) == told


@pytest.mark.parametrize(
    ("user_agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
         "Firefox on Linux"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("Something for Windows", "Windows"),
        ("x" * 900, "x" * 60),
        ("", "An unknown device"),
    ],
)  # fmt: skip
def test_others(user_agent: str, told: str) -> None:
    assert description(user_agent) == told


def test_the_page_of_sessions_names_them(alice: User) -> None:
    phone = LIKE_ALL.format(system=PHONE, browser="Version/18.5 Mobile/15E148")
    client = Client(headers={"user-agent": phone})
    sign_in(client, "alice")
    sign_in(Client(headers={"user-agent": "<b>curl</b>"}), "alice")
    page = client.get("/settings/sessions/").content.decode()
    assert "Safari on iPhone" in page
    assert "&lt;b&gt;curl" in page
    assert "AppleWebKit" not in page
