"""`manage.py chat` as a process: pipes, a terminal, the network; the site that it talks with runs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from uuid import uuid4

import pytest

from conversations.events import Delta, End
from conversations.terminal.client import Question, Refused
from conversations.terminal.remote import Remote
from tests.cut import Wire
from tests.processes import Site, free_port, scratch_environment, wait_for
from tests.terminal import Result, Terminal, chat, interrupt, result, start
from tests.upstream import Script, Upstream
from tests.visitor import Visitor

PERSON = {"DJANGO_SUPERUSER_USERNAME": "root", "DJANGO_SUPERUSER_PASSWORD": "a long pass phrase"}
KEYS = """
from django.utils import timezone
from accounts.api_keys import create_key
from accounts.models import Plan, User
plan = Plan.objects.create(name="One a day", requests_per_day=1)
ann = User.objects.create_user("ann", plan=plan)
root = User.objects.get(username="root")
for user, scopes in ((root, ("read", "write", "chat")), (root, ("read",)), (ann, ("read", "write", "chat"))):
    print(create_key(user, name="terminal", scopes=scopes, now=timezone.now())[1])
"""

WRITER = """
from accounts.models import User
from conversations.models import RolePreset
root = User.objects.get(username="root")
instruction = "About {{to\\x1b[0mpic}} in {{tone}}."
print(RolePreset.objects.create(owner=root, name="Writer", instruction=instruction).pk)
"""

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Upstream]:
    with Upstream(models=("fake", "second")) as server:
        yield server


@pytest.fixture
def upstream(endpoint: Upstream) -> Upstream:
    endpoint.reset()
    return endpoint


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, endpoint: Upstream) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    site = Site(folder, **PERSON, OPENAI_BASE_URL=endpoint.url, OPENAI_MODEL="fake")
    with site.wait_until_ready():
        yield site


@pytest.fixture
def here(site: Site, endpoint: Upstream) -> dict[str, str]:
    """The environment in which that site's commands are typed."""
    return scratch_environment(site.folder, OPENAI_BASE_URL=endpoint.url, LC_ALL="C.UTF-8")


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    with Visitor(site.url) as one:
        yield one.sign_in("root", PERSON["DJANGO_SUPERUSER_PASSWORD"])


# --- Pipes -----------------------------------------------------------------------------------------------------------


def test_a_pipe_is_answered_once(here: dict[str, str], upstream: Upstream) -> None:
    upstream.say("Hello ", "**there**.")
    assert chat(here, "--user", "root", typed="hi\n") == Result(0, "Hello **there**.\n", "")


def test_the_same_rows_as_in_the_browser(
    here: dict[str, str], upstream: Upstream, visitor: Visitor
) -> None:
    upstream.say("from the page")
    sent = visitor.send("Begun in the browser")
    list(visitor.events(sent["events"]))
    key = sent["conversation"]
    upstream.say("from here", "\x1b[31m!")
    done = chat(
        here, "--user", "root", "--conversation", key, "--model", "second", typed="And on\n"
    )
    assert (done.status, done.output) == (0, "from here[31m!\n")
    last = upstream.chats[-1].body
    assert last["model"] == "second"
    assert [turn["content"] for turn in last["messages"]][-3:] == [
        "Begun in the browser",
        "from the page",
        "And on",
    ]
    page = visitor.http.get(f"/c/{key}/").text
    assert "And on" in page
    assert "from here" in page


def test_ctrl_c_in_a_pipe(here: dict[str, str], upstream: Upstream, visitor: Visitor) -> None:
    upstream.play("gated")
    process = start(here, "--user", "root", typed=b"go on\nnever sent\n")
    assert process.stdout is not None
    assert process.stdout.read(3)
    interrupt(process)
    done = result(process)
    assert done.status == 130
    assert "Stopped." in done.errors
    assert upstream.chats[0].wait_closed(5)
    assert len(upstream.chats) == 1


def test_a_site_that_was_never_set_up(tmp_path: Path) -> None:
    done = chat(scratch_environment(tmp_path), "--user", "root", typed="hi\n")
    assert (done.status, done.output) == (1, "")
    assert "make run" in done.errors
    assert "Traceback" not in done.errors


# --- A terminal ------------------------------------------------------------------------------------------------------


def test_markdown_grows_in_a_terminal(here: dict[str, str], upstream: Upstream) -> None:
    pieces = ("# Title\n\nSome **bold", "** words &#27;[31m\x1b]0;owned\x07\n\n", "- one\n")
    upstream.play(Script.parse("gated", *pieces))
    with Terminal(here, "--user", "root") as terminal:
        terminal.expect("> ")
        terminal.type("Show it\r")
        terminal.expect("Some bold")
        upstream.release()
        terminal.expect("bold words")
        upstream.release()
        shown = terminal.expect("• one")
        assert "**" not in shown
        assert "\x1b]0;" not in terminal.raw
        assert "\x1b[31m" not in terminal.raw
        terminal.expect("> ")
        terminal.type("\x04")
        assert terminal.ended() == 0


def test_thoughts_come_before_the_answer(here: dict[str, str], upstream: Upstream) -> None:
    upstream.play(*[Script("reasoning", ("Some **bold** words",))] * 3)
    for environment, answer in (
        (here, "Some bold words"),
        ({**here, "NO_COLOR": "1"}, "Some **bold** words"),
    ):
        with Terminal(environment, "--user", "root") as terminal:
            terminal.expect("> ")
            terminal.type("Show it\r")
            terminal.expect("The model thinks:\r\n")
            assert terminal.expect("think.") == "Let me think."
            terminal.expect("Thought briefly\r\n\r\n")
            assert terminal.expect(answer).strip("…\r\n ") == answer
            terminal.expect("> ")
            terminal.type("0\r")
            assert terminal.ended() == 0
    assert chat(here, "--user", "root", typed="hi\n") == Result(0, "Some **bold** words\n", "")


def test_plain_where_colours_are_not_wanted(here: dict[str, str], upstream: Upstream) -> None:
    upstream.say("Some **bold** words")
    with Terminal({**here, "NO_COLOR": "1"}, "--user", "root") as terminal:
        terminal.expect("> ")
        terminal.type("Show it\r")
        assert "Some **bold** words" in terminal.expect("> ")
        terminal.type("0\r")
        assert terminal.ended() == 0


def test_ctrl_c_stops_the_answer_and_not_the_program(
    here: dict[str, str], upstream: Upstream
) -> None:
    with Terminal(here, "--user", "root") as terminal:
        terminal.expect("> ")
        upstream.play("gated", "gated")
        terminal.type("Go on\r")
        terminal.expect("You")
        terminal.type("\x03")
        terminal.expect("Stopped.")
        terminal.expect("> ")
        terminal.type("/retry\r")
        terminal.expect("You")
        terminal.type("/stop\r")
        terminal.expect("Stopped.")
        terminal.expect("> ")
        terminal.type("/model none\r")
        terminal.expect("There is no such model here.")
        terminal.type("/model second\r")
        terminal.expect("second answers from now on.")
        upstream.say("Once more.")
        terminal.type("/retry\r")
        terminal.expect("Once more.")
        assert [one.body["model"] for one in upstream.chats] == ["fake", "fake", "second"]
        assert len({str(one.body["messages"]) for one in upstream.chats}) == 1
        terminal.expect("> ")
        assert terminal.interrupt_until_it_ends() == 130
        assert "Ctrl-C once more" in terminal.raw
        assert "To go on with it later: --conversation " in terminal.raw


# --- Over the network ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(site: Site) -> list[str]:
    """Root's that may do everything, root's that only reads, and that of somebody with one request a day."""
    return site.manage("shell", "-v", "0", "-c", KEYS).split()


@pytest.fixture
def away(tmp_path: Path) -> dict[str, str]:
    """A machine on which there is no site, and a database that nobody serves."""
    database = f"postgres://nobody:x@127.0.0.1:{free_port()}/none"
    return scratch_environment(tmp_path, DATABASE_URL=database, SECRET_KEY="x" * 50, LC_ALL="C")


def test_a_pipe_and_a_conversation_of_the_browser(
    site: Site, keys: list[str], away: dict[str, str], upstream: Upstream, visitor: Visitor
) -> None:
    upstream.say("from the page")
    sent = visitor.send("Begun in the browser")
    list(visitor.events(sent["events"]))
    for answer in ("from here", "and again", "a new one"):
        upstream.say(answer)
    key = sent["conversation"]
    arguments = ("--url", f"{site.url}/", "--conversation", key, "--model", "second")
    done = chat({**away, "CHATSITE_KEY": keys[0]}, *arguments, typed="And on\n/retry\n1\nNew\n0\n")
    assert (done.status, done.output) == (0, "from here\nand again\na new one\n"), done.errors
    page = visitor.http.get(f"/c/{key}/").text
    assert "And on" in page
    assert "and again" in page
    assert "a new one" not in page
    asked = [[turn["content"] for turn in one.body["messages"]] for one in upstream.chats]
    assert asked[1] == asked[2] == ["Begun in the browser", "from the page", "And on"]
    assert asked[3] == ["New"]
    assert [one.body["model"] for one in upstream.chats] == ["fake", "second", "second", "second"]


def test_a_terminal(site: Site, keys: list[str], away: dict[str, str], upstream: Upstream) -> None:
    arguments = ("--url", site.url, "--key", keys[0], "--preset", "translator")
    upstream.play("gated", "gated")
    with Terminal(away, *arguments) as terminal:
        terminal.expect("> ")
        terminal.type("Go on\r")
        terminal.expect("You")
        terminal.type("\x03")
        terminal.expect("Stopped.")
        terminal.expect("> ")
        assert upstream.chats[0].wait_closed(5)
        assert upstream.chats[0].body["messages"][0]["role"] == "system"
        terminal.type("/retry\r")
        terminal.expect("You")
        upstream.release(100)
        terminal.expect("print")
        terminal.expect("> ")
        terminal.type("/quit\r")
        assert terminal.ended() == 0


def test_what_a_role_preset_asks_for(
    site: Site, keys: list[str], away: dict[str, str], upstream: Upstream
) -> None:
    key = site.manage("shell", "-v", "0", "-c", WRITER).strip()
    arguments = ("--url", site.url, "--key", keys[0], "--preset", key, "--set", "tone=verse")
    for answer in ("A poem.", "Another."):
        upstream.say(answer)
    with Terminal(away, *arguments) as terminal:
        terminal.expect("The role preset asks for this.")
        terminal.expect("to[0mpic: ")
        terminal.type("1\r")
        terminal.expect("> ")
        terminal.type("Go\r")
        terminal.expect("A poem.")
        terminal.expect("> ")
        terminal.type("/new\r")
        terminal.expect("to[0mpic [1]: ")
        terminal.type("cats\r")
        terminal.expect("tone [verse]: ")
        terminal.type("\r")
        terminal.expect("> ")
        terminal.type("Go\r")
        terminal.expect("Another.")
        terminal.expect("> ")
        terminal.type("\x04")
        assert terminal.ended() == 0
    assert "\x1b[0mpic" not in terminal.raw
    said = [one.body["messages"][0]["content"] for one in upstream.chats]
    assert said == ["About 1 in verse.", "About cats in verse."]


def test_the_server_goes_in_the_middle(
    site: Site, keys: list[str], away: dict[str, str], upstream: Upstream
) -> None:
    upstream.play("gated")
    with Wire(site.port) as wire:
        process = start(away, "--url", wire.url, "--key", keys[0], typed=b"Go on\nnever sent\n")
        assert process.stdout is not None
        first = process.stdout.read(3)
        wire.cut()
        done = result(process)
    assert done.status == 1
    assert (first, done.output.strip()) == (b"You", "")
    assert f"The connection to {wire.url} broke off. What came until then is above." in done.errors
    upstream.release(100)
    assert upstream.chats[0].wait_ended(20)


def test_the_server_comes_back(site: Site, keys: list[str], upstream: Upstream) -> None:
    upstream.play(Script.parse("gated", "One, ", "two, ", "three."))
    with Wire(site.port) as wire:
        client = Remote(wire.url, keys[0])
        events: SimpleQueue[object] = SimpleQueue()
        client.follow(client.send(Question("Count", uuid4())).completion, events.put)
        assert events.get(timeout=20) == Delta("One, ")
        wire.cut()
        wait_for(lambda: wire.attempts, what="the next attempt")
        wire.mend()
        upstream.release(2)
        said = [events.get(timeout=20)]
        while isinstance(said[-1], Delta):
            said.append(events.get(timeout=20))
    assert isinstance(said[-1], End)
    assert "".join(one.text for one in said if isinstance(one, Delta)) == "two, three."


def test_refusals_of_a_site(
    site: Site, keys: list[str], away: dict[str, str], upstream: Upstream
) -> None:
    mine, reading, limited = keys
    with pytest.raises(Refused, match=r"no such API key\. Look at --key"):
        Remote(site.url, "ck_x").check()
    client = Remote(site.url, mine)
    for action, sentence in (
        (lambda: client.check(model="none"), "There is no such model here."),
        (lambda: client.variables("none/../x"), "There is no such role preset."),
        (lambda: client.open(uuid4()), "There is no such conversation, or it belongs"),
    ):
        with pytest.raises(Refused, match=sentence):
            action()
    scope = start(away, "--url", site.url, "--key", reading, typed=b"hi\n")
    spent = start(away, "--url", site.url, "--key", limited, typed=b"one\ntwo\n")
    refused = result(scope)
    assert (refused.status, refused.output) == (1, "")
    assert "it lacks the scope “write, chat”" in refused.errors
    assert "needs the scopes read, write and chat." in refused.errors
    refused = result(spent)
    assert refused.status == 1
    assert "You have used the only request of today. Your quota renews on" in refused.errors
    assert len(upstream.chats) == 1


def test_the_model_in_the_box_answers_here_too(tmp_path: Path) -> None:
    with Site(tmp_path, **PERSON, LOCAL_MODEL="").wait_until_ready() as site:
        site.run(
            "from conversations.models import ChatModel as M; M.objects.update(max_output_tokens=8)"
        )
        here = scratch_environment(tmp_path, LOCAL_MODEL="", LC_ALL="C.UTF-8")
        said = chat(here, "--user", "root", typed="Say hello.\n")
    assert (said.status, bool(said.output.strip())) == (0, True), said
