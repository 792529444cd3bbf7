"""`manage.py chat --user`: lines, commands and refusals, without the price of a process for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import Plan, User
from conversations.management.commands.chat import Command
from conversations.models import Message, RolePreset
from conversations.terminal.client import Question, Refused
from conversations.terminal.local import Local
from conversations.terminal.screen import Screen
from conversations.terminal.session import Session
from tests.conversations.talk import Talk
from tests.terminal import Result
from tests.upstream import Upstream


@dataclass
class Pipe:
    """A sitting in this process, without a terminal; the answers run on the engine's thread as in the command."""

    talk: Talk
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def session(self, typed: bytes = b"", *, user: str = "alice", **options: Any) -> Session:
        self.monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(typed), "utf-8"))
        return Session(Local(user), Screen(), **options)

    def sit(self, typed: bytes, **options: Any) -> Result:
        status = self.session(typed, **options).run()
        return Result(status, *self.capsys.readouterr())


@pytest.fixture
def pipe(talk: Talk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pipe:
    return Pipe(talk, monkeypatch, capsys)


def test_lines_are_turns_and_one_begins_anew(pipe: Pipe, upstream: Upstream) -> None:
    for answer in ("first", "second", "third"):
        upstream.say(answer)
    done = pipe.sit(b"one\n\ntwo\n1\nthree\n0\nnever\n")
    assert (done.status, done.output) == (0, "first\nsecond\nthird\n")
    sent = [[turn["content"] for turn in one.body["messages"]] for one in upstream.chats]
    assert sent == [["one"], ["one", "first", "two"], ["three"]]


def test_all_of_the_input_as_one_message(pipe: Pipe, upstream: Upstream) -> None:
    upstream.say("read")
    session = pipe.session(b"1\n/new\n")
    assert session.run_once(session.screen.read_whole()) == 0
    assert pipe.capsys.readouterr() == ("read\n", "")
    assert upstream.chats[0].body["messages"][-1]["content"] == "1\n/new\n"


def test_a_role_preset(pipe: Pipe, upstream: Upstream) -> None:
    assert pipe.sit(b"hi\n/new\nhi\nhi\n", preset="translator").status == 0
    first, second, third = (one.body["messages"] for one in upstream.chats)
    assert first[0]["role"] == "system"
    assert first == second == third[: len(second)]


@pytest.fixture
def about(alice: User) -> str:
    """The key of a role preset that asks for something."""
    instruction = "Write about {{topic}} in {{ tone }}."
    return str(RolePreset.objects.create(owner=alice, name="Writer", instruction=instruction).pk)


def test_variables_of_a_role_preset(pipe: Pipe, upstream: Upstream, about: str) -> None:
    done = pipe.sit(b"hi\n1\nhi\n", preset=about, variables={"topic": "cats", "tone": "verse"})
    assert (done.status, done.errors) == (0, "A new conversation begins.\n")
    said = [one.body["messages"][0]["content"] for one in upstream.chats]
    assert said == ["Write about cats in verse."] * 2
    done = pipe.sit(b"hi\n", preset=about, variables={"tone": "verse"})
    assert done.errors == "The role preset asks for topic: --set NAME=VALUE.\n"
    said = [one.body["messages"][0]["content"] for one in upstream.chats]
    assert said[-1] == "Write about {{topic}} in verse."


def test_variables_that_cannot_be(pipe: Pipe, about: str) -> None:
    for given, sentence in (
        ({"subject": "x"}, "does not ask for “subject”. It asks for: topic, tone."),
        ({"topic": "x" * 4_001}, "topic: at most 4000 characters."),
        ({"topic": "\udcff"}, "not valid UTF-8"),
    ):
        assert sentence in refusal(pipe.session, preset=about, variables=given)


def test_what_is_chosen_elsewhere_meanwhile_stays(
    pipe: Pipe, upstream: Upstream, more_models: None
) -> None:
    """The preset and the model of the command line are for a beginning, not for each message."""
    session = pipe.session(model="second", preset="translator")
    session.ask("one")
    pipe.talk.post(f"/c/{session.conversation}/settings/", {"model": "third", "preset": ""})
    session.ask("two")
    session.take("/model fake")
    session.take(" /new is sent, for it begins with a space")
    assert [one.body["model"] for one in upstream.chats] == ["second", "third", "fake"]
    assert [one.body["messages"][0]["role"] for one in upstream.chats] == ["system", "user", "user"]
    assert len(upstream.chats[2].body["messages"]) == 5


def test_retry(pipe: Pipe, upstream: Upstream, more_models: None) -> None:
    upstream.say("one")
    upstream.say("two")
    done = pipe.sit(b"hi\n/model second\n/retry\n/model\n/help\n")
    assert (done.status, done.output) == (0, "one\ntwo\n")
    assert [one.body["model"] for one in upstream.chats] == ["fake", "second"]
    assert {"second", "third"} < set(done.errors.split())
    answers = Message.objects.filter(role="assistant").order_by("created_at")
    assert [answer.content for answer in answers] == ["one", "two"]
    assert len({answer.parent_id for answer in answers}) == 1
    nothing = pipe.sit(b"/retry\n")
    assert (nothing.status, nothing.output) == (1, "")
    assert pipe.sit(b"/stop\n").errors == "No answer is being written.\n"
    assert pipe.sit(b"/nonsense\n").errors == "There is no command /nonsense. /help lists them.\n"


def test_an_answer_that_runs_elsewhere(pipe: Pipe, upstream: Upstream) -> None:
    upstream.play("stall")
    sent = pipe.talk.send("Go on")
    session = pipe.session()
    session.open(UUID(sent.body["conversation"]))
    with pytest.raises(Refused, match="An answer is still being written here"):
        session.ask("Me too")
    session.take("/stop")
    assert pipe.talk.finish(sent).status == "stopped"
    upstream.say("Now")
    session.take("/retry")
    assert upstream.chats[-1].body["messages"][-1]["content"] == "Me too"


def test_what_fails_ends_a_pipe(pipe: Pipe, upstream: Upstream) -> None:
    upstream.play("cut")
    done = pipe.sit(b"go\nnever sent\n")
    assert done.status == 1
    assert done.output  # what had come
    assert "broke off before the answer was complete" in done.errors
    assert len(upstream.chats) == 1


def test_a_quota_that_is_used_up(pipe: Pipe, bob: User, upstream: Upstream) -> None:
    User.objects.filter(pk=bob.pk).update(
        plan=Plan.objects.create(name="One a day", requests_per_day=1)
    )
    done = pipe.sit(b"one\ntwo\nthree\n", user="bob")
    assert done.status == 1
    assert "You have used the only request of today. Your quota renews on" in done.errors
    assert len(upstream.chats) == 1


# --- Bad input -------------------------------------------------------------------------------------------------------


def refusal(action: Callable[..., object], *args: Any, **options: Any) -> str:
    with pytest.raises(Refused) as refused:
        action(*args, **options)
    return refused.value.message


def test_what_nobody_can_choose(talk: Talk, bob: User) -> None:
    hers = UUID(talk.send("Mine").body["conversation"])
    alice = Local("ALICE")
    assert alice.open(hers).title == "Mine"
    assert refusal(Local, "nobody") == "There is no user nobody."
    missing = refusal(alice.open, uuid4())
    assert missing == "There is no such conversation, or it belongs to someone else."
    assert refusal(Local("bob").open, hers) == missing
    assert refusal(Local("bob").send, Question("hi", uuid4(), hers)) == missing
    assert refusal(alice.check, model="none").startswith("There is no such model here.")
    assert refusal(alice.variables, "none").startswith("There is no such role preset.")
    User.objects.update(is_active=False)
    assert refusal(alice.models) == refusal(Local, "bob") == "This account is suspended."


def test_the_language_of_the_person(talk: Talk) -> None:
    User.objects.update(language="zh-hans")
    assert refusal(Local("alice").open, uuid4()) == "没有这个对话，或者它属于其他人。"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--user", "root", "--conversation", "7"),
        ("--user", "root", "--url", "http://127.0.0.1:1"),
        ("--user", "root", "--key", "ck_x"),
        ("--user", "root", "--set", "topic=cats"),
        ("--user", "root", "--preset", "x", "--set", "cats"),
        ("--user", "root", "--preset", "x", "--set", "=cats"),
        ("--url", "http://127.0.0.1:1"),
        ("--url", "ftp://127.0.0.1", "--key", "ck_x"),
        ("--url", "http://:password@127.0.0.1:1", "--key", "ck_x"),
        ("--url", "http://127.0.0.1:1/\x1b[31m", "--key", "ck_x"),
        ("--url", "http://127.0.0.1:1", "--key", "ck_ü"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "chat", *arguments])
    assert ended.value.code == 2


def test_what_cannot_be_stored(pipe: Pipe, upstream: Upstream) -> None:
    refused = pipe.sit(b"\xff\n")
    assert (refused.status, refused.output) == (1, "")
    assert "not valid UTF-8" in refused.errors
    assert not upstream.chats
