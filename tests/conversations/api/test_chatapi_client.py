"""A client of the original ChatAPI, unchanged, at a running site; and one that leaves."""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.processes import Site, wait_for
from tests.upstream import Upstream

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

requests = httpx2.Client(timeout=60, trust_env=False)  # called as the package of that name is


class ChatAPI:
    """As published with the original, but for the address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""

    def get_token(self, username: str, password: str) -> Any:
        data = {"u": username, "p": password}
        r = requests.post(f"{self.url}/token", json=data)
        if r.status_code in {200, 201}:
            self.token = r.json()["message"]["token"]
            return self.token
        return r.json()

    def get_answer(self, question: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        r = requests.get(f"{self.url}/api", headers=headers, params={"q": question})
        if r.status_code == 200 and r.json()["statu"]:
            return r.json()["message"]
        return r.json()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, upstream: Upstream) -> Iterator[Site]:
    """With a person from the original's table of users, and a log of every request."""
    people = tmp_path / "user.csv"
    people.write_text(f"id,username,password\n1,test,{PASSWORD}\n", encoding="utf-8")
    started = Site(tmp_path, OPENAI_BASE_URL=upstream.url, GUNICORN_CMD_ARGS="--access-logfile=-")
    with started.wait_until_ready() as running:
        running.manage("import_users", str(people))
        yield running


def test_a_client_of_the_original(site: Site, upstream: Upstream) -> None:
    client = ChatAPI(site.url)
    assert client.get_token("test", "wrong") == {
        "message": "Invalid username or password",
        "statu": False,
    }
    client.token = "none"
    assert client.get_answer("Too early") == {"msg": "Not enough segments"}
    token = client.get_token("test", PASSWORD)
    assert ChatAPI(site.url).get_token("test", PASSWORD) == token
    for number in range(10):
        answer = client.get_answer(f"这是第 {number} 个问题 with something private")
        assert f"这是第 {number} 个问题" in answer
    assert client.get_answer("One more") == {
        "message": "Token access limit reached.",
        "statu": False,
    }
    assert len(upstream.chats) == 10
    # Defect 6: what is asked stands in the address, and in no log.
    assert '"GET /api"' in site.text
    assert "private" not in site.text
    assert token not in site.text


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    path = site.folder / "data/chatsite.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def test_clients_that_leave(site: Site, upstream: Upstream) -> None:
    """More wait at once than the site has threads. The endpoint does not go on for nobody, and no request counts."""
    client = ChatAPI(site.url)
    client.get_token("test", PASSWORD)
    headers = {"Authorization": f"Bearer {client.token}"}
    count = 8  # twice its threads
    upstream.play(*["gated"] * count)
    waiting = [http.client.HTTPConnection("127.0.0.1", site.port, timeout=60) for _ in range(count)]
    for connection in waiting:
        connection.request("GET", "/api?q=Hello", headers=headers)
    wait_for(lambda: len(upstream.chats) == count, what="all questions at the endpoint")
    for connection in waiting:
        connection.close()
    assert all(chat.wait_closed(60) for chat in upstream.chats)
    ledger = "SELECT outcome, requests FROM accounts_usagerecord"
    wait_for(lambda: len(rows(site, ledger)) == count, what="the ledger")
    assert set(rows(site, ledger)) == {("stopped", 0)}
    assert not rows(site, "SELECT 1 FROM accounts_reservation")
    assert client.get_answer("Still here?").startswith("You said")
