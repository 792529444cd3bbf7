"""The site as an installed app: what the manifest and the worker say, and that the offline page is nobody's."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.models import User


def png_size(path: str) -> tuple[int, int]:
    found = finders.find(path)
    assert isinstance(found, str)
    width, height = struct.unpack(">II", Path(found).read_bytes()[16:24])
    return width, height


def test_manifest(client: Client, db: None) -> None:
    reply = client.get("/manifest.webmanifest")
    assert reply["Content-Type"] == "application/manifest+json"
    manifest = reply.json()
    assert (manifest["id"], manifest["start_url"], manifest["scope"]) == ("/", "/", "/")
    assert manifest["display"] == "standalone"
    kinds = {(icon["purpose"], icon["sizes"]) for icon in manifest["icons"]}
    assert kinds == {(kind, f"{n}x{n}") for kind in ("any", "maskable") for n in (192, 512)}
    for icon in manifest["icons"]:
        path = icon["src"].removeprefix("/static/")
        assert "x".join(map(str, png_size(path))) == icon["sizes"]


def test_manifest_speaks_the_readers_language(client: Client, db: None) -> None:
    english = client.get("/manifest.webmanifest").json()
    chinese = client.get("/manifest.webmanifest", headers={"accept-language": "zh-CN"}).json()
    assert (english["lang"], chinese["lang"]) == ("en", "zh-hans")


def test_shared_text_waits_in_the_composer(alice_client: Client) -> None:
    target = alice_client.get("/manifest.webmanifest").json()["share_target"]
    names = target["params"]
    shared = {
        names["title"]: "An article",
        names["text"]: "Read <this>",
        names["url"]: "https://example.org/",
    }
    page = alice_client.get(target["action"], shared).content.decode()
    area = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.S)
    assert area
    assert area[1].split() == ["An", "article", "Read", "&lt;this&gt;", "https://example.org/"]


def test_shared_address_is_not_said_twice(alice_client: Client) -> None:
    url = "https://example.org/"
    page = alice_client.get("/", {"q": f"Look: {url}", "url": url}).content.decode()
    assert page.count(url) == 1


def test_shared_text_that_is_cut_says_so(alice_client: Client) -> None:
    sentence = b"The text was too long to be taken over"
    assert sentence not in alice_client.get("/", {"q": "茶" * 4_000}).content
    page = alice_client.get("/", {"q": "茶" * 4_001}).content
    assert sentence in page
    assert page.count("茶".encode()) == 4_000


def test_shared_text_survives_the_sign_in(client: Client, db: None) -> None:
    reply = client.get("/", {"q": "Read this"})
    assert reply["Location"].startswith("/accounts/login/?next=")
    assert "Read" in reply["Location"]


def test_worker_keeps_the_offline_page_and_static_files_only(client: Client, db: None) -> None:
    reply = client.get("/sw.js")
    assert reply["Content-Type"].startswith("text/javascript")
    assert "no-cache" in reply["Cache-Control"]
    kept = re.search(r"^const KEEP = (.*);$", reply.content.decode(), re.M)
    assert kept
    offline, *files = json.loads(kept[1])
    assert offline == "/offline/"
    assert files
    assert all(name.startswith("/static/") for name in files)


def test_offline_page_is_the_same_for_everyone(
    client: Client, alice: User, alice_client: Client
) -> None:
    User.objects.filter(pk=alice.pk).update(theme="dark", language="zh-hans")
    page = alice_client.get("/offline/", headers={"accept-language": "zh-CN"}).content
    assert page == client.get("/offline/").content
    assert b"alice" not in page
    assert b'lang="en"' in page
    assert b'lang="zh-hans"' in page


@pytest.mark.parametrize("path", ["/manifest.webmanifest", "/sw.js", "/offline/"])
def test_wrong_method(client: Client, db: None, path: str) -> None:
    assert client.post(path).status_code == 405


def test_signing_out_clears_the_browsers_cache_and_keeps_drafts(alice_client: Client) -> None:
    reply = alice_client.post("/accounts/logout/")
    assert reply.status_code == 302
    assert reply["Clear-Site-Data"] == '"cache"'
    assert "Clear-Site-Data" not in alice_client.get("/accounts/login/")
