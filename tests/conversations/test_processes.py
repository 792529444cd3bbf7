"""Answers and processes: one that is killed, and two that share a database."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx2
import pytest
from django.db import connection

from conversations.models import Completion
from tests.processes import Site, free_port, wait_for
from tests.upstream import Upstream
from tests.visitor import Visitor

PERSON = {"DJANGO_SUPERUSER_USERNAME": "root", "DJANGO_SUPERUSER_PASSWORD": "a long pass phrase"}
SECRET = "the same on every node, and quite long enough"

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


def visit(site: Site) -> Visitor:
    return Visitor(site.url).sign_in("root", PERSON["DJANGO_SUPERUSER_PASSWORD"])


def shared(upstream: Upstream) -> dict[str, str]:
    """What processes that share this test's database are started with."""
    database = connection.settings_dict
    host = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    return {
        **PERSON,
        "OPENAI_BASE_URL": upstream.url,
        "DATABASE_URL": f"postgres://{host}/{database['NAME']}",
        "SECRET_KEY": SECRET,
    }


def test_an_endpoint_that_lists_its_models_late(tmp_path: Path, upstream: Upstream) -> None:
    """The site is there meanwhile, says so, and goes on by itself."""
    upstream.holds_models = True
    site = Site(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url)
    with site.wait_until_ready(with_models=False), visit(site) as visitor:
        assert "are still being read" in visitor.http.get("/").text
        fields = {"content": "Hello", "client_id": str(uuid.uuid4())}
        refused = visitor.post("/c/", fields)
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        upstream.release()
        site.wait_until_ready()
        assert visitor.post("/c/", fields).status_code == 201


def test_an_endpoint_that_is_started_after_the_site(tmp_path: Path) -> None:
    port = free_port()
    site = Site(tmp_path, **PERSON, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
    with site.wait_until_ready(), visit(site) as visitor:
        assert "are still being read" in visitor.http.get("/").text
        with Upstream(port=port):
            wait_for(lambda: "listed its models now" in site.text, what="the models")
            assert visitor.send("Hello")["completion"]


def test_kill_9_keeps_the_text_and_offers_continue(tmp_path: Path, upstream: Upstream) -> None:
    variables = {**PERSON, "OPENAI_BASE_URL": upstream.url}
    with Site(tmp_path, **variables).wait_until_ready() as site, visit(site) as visitor:
        sent = visitor.send("Go on [[script: slow tokens=2000 rate=40]]")
        key = sent["completion"]
        seen = wait_for(
            lambda: position if (position := visitor.state(key)["position"]) > 600 else 0,
            what="three seconds of text",
        )
        site.process.send_signal(signal.SIGKILL)
        site.process.wait()
        assert upstream.chats[0].wait_closed(5)

    with Site(tmp_path, **variables).wait_until_ready() as site, visit(site) as visitor:
        wait_for(lambda: visitor.state(key)["status"] != "running", what="the reaper")
        state = visitor.state(key)
        assert (state["status"], state["code"]) == ("interrupted", "interrupted")
        assert len(state["text"]) > seen - 600  # what is older than two seconds is never lost
        assert f"/completions/{key}/continue/" in visitor.http.get(sent["url"]).text
        upstream.say(" and the end.")
        again = visitor.post(f"/completions/{key}/continue/").json()
        *_, last = visitor.events(again["events"])
        assert last.data["status"] == "complete"
        assert visitor.state(again["completion"])["text"] == state["text"] + " and the end."


def test_sigterm_lets_the_answer_finish(tmp_path: Path, upstream: Upstream) -> None:
    variables = {**PERSON, "OPENAI_BASE_URL": upstream.url}
    with Site(tmp_path, **variables).wait_until_ready() as site, visit(site) as visitor:
        sent = visitor.send("Go on [[script: slow tokens=240 rate=30]]")
        stream = visitor.events(sent["events"])
        next(stream)
        site.process.send_signal(signal.SIGTERM)
        # Longer than the time after which a stream is looked at again: who reads along reads on.
        *_, last = stream
        assert (last.name, last.data["status"]) == ("end", "complete")
        assert site.wait_for_exit() == 0


def test_ctrl_c_interrupts_and_says_so(tmp_path: Path, upstream: Upstream) -> None:
    variables = {**PERSON, "OPENAI_BASE_URL": upstream.url}
    with Site(tmp_path, **variables).wait_until_ready() as site, visit(site) as visitor:
        sent = visitor.send("Go on [[script: stall]]")
        stream = visitor.events(sent["events"])
        next(stream)
        site.process.send_signal(signal.SIGINT)
        *_, last = stream
        assert last.data["status"] == "interrupted"
        site.wait_for_exit(seconds=6)


@pytest.mark.services
def test_two_processes_share_an_answer(
    tmp_path: Path, upstream: Upstream, transactional_db: None
) -> None:
    """A reader in the other process follows, resumes and stops through the database."""
    variables = shared(upstream)
    with (
        Site(tmp_path / "one", **variables).wait_until_ready() as one,
        Site(tmp_path / "two", **variables).wait_until_ready() as two,
        visit(one) as here,
        visit(two) as there,
    ):
        sent = here.send("Go on [[script: slow tokens=5000 rate=40]]")
        stream = there.events(sent["events"])
        first = next(event for event in stream if event.name == "delta")
        second = next(event for event in stream if event.name == "delta")
        assert second.id is not None
        assert first.id is not None
        resumed = there.events(sent["events"], after=second.id)
        third = next(event for event in resumed if event.name == "delta")
        assert there.post(sent["stop"]).status_code == 202
        assert upstream.chats[0].wait_closed(3)
        *_, last = resumed
        assert last.data["status"] == "stopped"
        text = here.state(sent["completion"])["text"]
        assert text.startswith(first.data["text"] + second.data["text"] + third.data["text"])


@pytest.mark.services
def test_two_workers_of_one_server_share_answers(
    tmp_path: Path, upstream: Upstream, transactional_db: None
) -> None:
    """Whichever worker a connection reaches: answers are followed to their end and recorded under their own process."""
    variables = {**shared(upstream), "WEB_CONCURRENCY": "2", "SIGN_IN_LIMITS": "off"}
    ran_in: set[str] = set()
    with Site(tmp_path, **variables).wait_until_ready() as site:
        while len(ran_in) < 2:  # the system chooses the worker for each connection
            with visit(site) as here, visit(site) as there:
                sent = here.send("Go on [[script: slow tokens=20 rate=60]]")
                *_, last = there.events(sent["events"])
                assert last.data["status"] == "complete"
                assert here.state(sent["completion"])["status"] == "complete"
            ran_in.add(Completion.objects.get(pk=sent["completion"]).process)


def test_the_first_question_finds_the_client_loaded(tmp_path: Path, upstream: Upstream) -> None:
    """Not before somebody is there: an idle site is small."""

    def is_loaded() -> bool:
        return "aiohttp" in Path(f"/proc/{worker}/maps").read_text()

    variables = {**PERSON, "OPENAI_BASE_URL": upstream.url}
    with Site(tmp_path, **variables).wait_until_ready() as site:
        (worker,) = site.workers
        assert site.status("/accounts/login/") == 200
        assert not is_loaded()
        with visit(site) as visitor:
            assert visitor.http.get("/").status_code == 200
            wait_for(is_loaded, what="the client of endpoints in memory")


def test_open_streams_cost_no_thread(tmp_path: Path, upstream: Upstream) -> None:
    """Sixty readers of one quiet answer: four pinned threads and a few of the server's own."""
    variables = {**PERSON, "OPENAI_BASE_URL": upstream.url}
    with Site(tmp_path, **variables).wait_until_ready() as site, visit(site) as visitor:
        sent = visitor.send("Wait [[script: stall]]")
        next(visitor.events(sent["events"]))
        (worker,) = site.workers
        assert while_sixty_read(site, visitor, sent["events"], lambda: threads_of(worker)) <= 10
        assert site.status("/livez") == 200


@pytest.mark.services
def test_open_streams_cost_no_database_connection(
    tmp_path: Path, upstream: Upstream, transactional_db: None
) -> None:
    def connections() -> int:
        """Of this database, the one that asks and the test's own included."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                )
                return int(cursor.fetchone()[0])
        finally:
            connection.close()  # it was opened in a thread of its own

    with Site(tmp_path, **shared(upstream)).wait_until_ready() as site, visit(site) as visitor:
        sent = visitor.send("Wait [[script: stall]]")
        next(visitor.events(sent["events"]))
        assert while_sixty_read(site, visitor, sent["events"], connections) <= 8


def while_sixty_read(site: Site, visitor: Visitor, url: str, look: Callable[[], int]) -> int:
    """What `look` finds while sixty streams of one answer are open."""

    async def hold() -> int:
        cookies = {cookie.name: cookie.value or "" for cookie in visitor.http.cookies.jar}
        headers = dict(visitor.http.headers)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            cookies=cookies, headers=headers, connector=connector
        ) as session:
            replies = await asyncio.gather(*(session.get(site.url + url) for _ in range(60)))
            for reply in replies:
                assert reply.status == 200
                assert await reply.content.readline()
            found = await asyncio.to_thread(look)
            for reply in replies:
                reply.close()
            return found

    return asyncio.run(hold())


def test_body_that_is_far_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (
        Site(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1").wait_until_ready() as site,
        httpx2.Client(base_url=site.url, trust_env=False) as http,
    ):
        assert http.post("/c/", content=b"a" * 12_000_000).status_code == 413
        chunked = http.post("/c/", content=(b"a" * 1_000_000 for _ in range(12)))
        assert chunked.status_code == 413
        assert site.status("/livez") == 200


def threads_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


def test_static_files_are_hashed_compressed_and_kept(tmp_path: Path) -> None:
    with (
        Site(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1").wait_until_ready() as site,
        httpx2.Client(base_url=site.url, trust_env=False) as http,
    ):
        page = http.get("/accounts/login/").text
        sheet = page.split('rel="stylesheet" href="')[1].split('"')[0]
        reply = http.get(sheet, headers={"Accept-Encoding": "br"})
        assert reply.status_code == 200
        assert reply.headers["Content-Encoding"] == "br"
        assert "immutable" in reply.headers["Cache-Control"]
        assert "Set-Cookie" not in reply.headers
        assert http.get(
            sheet, headers={"If-None-Match": reply.headers.get("ETag", "")}
        ).status_code in {200, 304}
        assert http.get("/static/../chatsite/settings.py").status_code == 404
        assert http.get("/static/no-such-file.css").status_code == 404


QUOTAS = """
from accounts import quotas
from accounts.models import Plan, Reservation, UsagePeriod, User
root = User.objects.get()
"""
FIFTY_A_DAY = (
    f"{QUOTAS}User.objects.update(plan=Plan.objects.create(name='Fifty', requests_per_day=50))"
)
COUNTED = f"""{QUOTAS}
for row in UsagePeriod.objects.filter(user=root):
    used = (row.used_requests, row.used_tokens, row.used_money)
    assert used == quotas.ledger_sums(root, kind=row.kind, start=row.start), row
    assert (row.reserved_requests, row.reserved_tokens, row.reserved_money) == (0, 0, 0), row
    print(row.kind, row.used_requests)
"""
OPEN = f"""{QUOTAS}
print("open", Reservation.objects.count())
"""


def test_two_hundred_sends_at_once_with_fifty_left(tmp_path: Path, upstream: Upstream) -> None:
    """With a reset of the month amid them, which gives nothing of the day back."""
    with Site(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site:
        site.run(FIFTY_A_DAY)
        with visit(site) as visitor:
            statuses = asyncio.run(send_at_once(site, visitor, 200))
        assert sorted(statuses) == [201] * 50 + [429] * 150
        wait_for(lambda: "open 0" in site.run(OPEN), what="every answer settled")
        assert len(upstream.chats) == 50
        assert "day 50" in site.run(COUNTED)


async def send_at_once(site: Site, visitor: Visitor, count: int) -> list[int]:
    cookies = dict(visitor.http.cookies)
    headers = {"Accept": "application/json", "X-CSRFToken": cookies["csrftoken"]}

    async def send(session: aiohttp.ClientSession, number: int) -> int:
        fields = {"content": f"Number {number}", "client_id": str(uuid.uuid4())}
        async with session.post("/c/", json=fields) as reply:
            assert reply.status == 201 or int(reply.headers["Retry-After"]) > 0
            return reply.status

    everyone = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        site.url, connector=everyone, cookies=cookies, headers=headers
    ) as session:
        resetting = asyncio.to_thread(site.manage, "reset_quotas", "--period", "month")
        *statuses, _reset = await asyncio.gather(
            *(send(session, number) for number in range(count)), resetting
        )
    return [status for status in statuses if isinstance(status, int)]
