"""One sitting: what is typed becomes questions and commands. `turn.py` shows the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from uuid import UUID, uuid4

from django.utils.translation import gettext as _

from ..errors import ConversationError
from ..forms import check_text
from .client import Begun, Client, Opened, Question, Refused
from .role import Role
from .screen import Screen
from .turn import Turn

DONE, FAILED, INTERRUPTED = 0, 1, 130
COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?$")
SHORT = {"0": "/quit", "1": "/new"}  # as in the program that this one follows


class Session:
    """model, preset: what the person asks for; empty and None: what the site chooses. variables: of the preset.

    Raises Refused for a preset that cannot be chosen.
    """

    def __init__(
        self,
        client: Client,
        screen: Screen,
        *,
        model: str = "",
        preset: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.client = client
        self.screen = screen
        self.model = model
        self.role = Role(client, preset, variables or {})
        self.conversation: UUID | None = None
        self.last: UUID | None = None  # the completion that /retry tries again
        self.unsent: Question | None = None
        # What is chosen is sent once and is the conversation's then: it may be changed elsewhere from there on.
        self.due_model, self.is_role_due = model, True
        self.is_interrupted = False
        self.has_failed = False
        self.is_over = False

    def open(self, conversation: UUID) -> None:
        opened = self.client.open(conversation)
        self.conversation = conversation
        self.last = opened.last.completion if opened.last is not None else None
        if self.screen.is_interactive:
            self._recall(opened)

    def _recall(self, opened: Opened) -> None:
        self.screen.notice(opened.title)
        for one in opened.said:
            self.screen.notice(f"{'> ' if one.completion is None else ''}{one.content}")
        if opened.last is not None and opened.last.is_running:
            self.screen.notice(_("This answer is still being written. /stop stops it."))

    # --- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Until there is nothing more to read, or until it is ended. Returns what the process exits with."""
        if self.screen.is_interactive:
            self.screen.notice(_("/help lists what you can type. Ctrl-D ends."))
        self._announce_role()
        status = self._read()
        if not self.screen.is_interactive:
            return status
        if not self.is_over:
            self.screen.notice("")  # nothing was typed on the line of the prompt
        if self.conversation is not None:
            self.screen.notice(
                _("To go on with it later: --conversation %(id)s") % {"id": self.conversation}
            )
        return status

    def _read(self) -> int:
        was_interrupted = False
        while not self.is_over:
            try:
                line = self._next_line()
            except EOFError:
                return INTERRUPTED if was_interrupted else DONE
            except KeyboardInterrupt:
                if was_interrupted or not self.screen.is_interactive:
                    return INTERRUPTED
                was_interrupted = True
                self.screen.notice("\n" + _("Ctrl-C once more, or Ctrl-D, ends."))
                continue
            was_interrupted = False
            self._attempt(self.take, line)
            if self._status != DONE and not self.screen.is_interactive:
                return self._status
        return DONE

    def _next_line(self) -> str:
        """What answers the role preset is taken at once. Raises EOFError and KeyboardInterrupt."""
        while self.screen.is_interactive and self.role.unasked:
            self._attempt(self.role.take, self.screen.ask(self.role.question))
        return self.screen.ask()

    def _announce_role(self) -> None:
        if not self.screen.is_interactive:
            self._say_what_lacks()
        elif self.role.unasked:
            self.screen.notice(_("The role preset asks for this. Enter leaves it as it is."))

    def _say_what_lacks(self) -> None:
        if missing := self.role.missing:
            names = ", ".join(missing)
            self.screen.notice(
                _("The role preset asks for %(names)s: --set NAME=VALUE.") % {"names": names}
            )

    def run_once(self, content: str) -> int:
        """One question, whatever it looks like."""
        self._say_what_lacks()
        self._attempt(self.ask, content)
        return self._status

    def _attempt(self, action: Callable[[str], None], text: str) -> None:
        self.has_failed = self.is_interrupted = False
        try:
            action(text)
        except Refused as refusal:
            self.has_failed = True
            self.screen.error(refusal.message)

    @property
    def _status(self) -> int:
        if self.is_interrupted:
            return INTERRUPTED
        return FAILED if self.has_failed else DONE

    def take(self, line: str) -> None:
        """One line: a command, a question or nothing. Raises Refused."""
        line = SHORT.get(line.rstrip(), line)
        if found := COMMAND.fullmatch(line.rstrip()):
            self._command(found[1], (found[2] or "").strip())
        elif line.strip():
            self.ask(line)

    def ask(self, content: str) -> None:
        """Raises Refused."""
        try:
            check_text(content)
        except ConversationError as refusal:
            raise Refused(refusal.message) from refusal
        question = Question(content, uuid4(), self.conversation, self.due_model)
        if self.is_role_due:
            role = self.role
            question = replace(question, preset=role.key, variables=dict(role.values))
        self._send(question)

    # --- commands ----------------------------------------------------------------------------------------------------

    def _command(self, name: str, value: str) -> None:
        if name == "quit":
            self.is_over = True
        elif name == "new":
            self.conversation = self.last = self.unsent = None
            self.due_model, self.is_role_due = self.model, True
            self.screen.notice(_("A new conversation begins."))
            self.role.ask_again()
            self._announce_role()
        elif name == "model":
            self._choose_model(value)
        elif name == "retry":
            self._retry()
        elif name == "stop":
            self._stop_elsewhere()
        elif name == "help":
            self.screen.notice(help_text())
        else:
            raise Refused(_("There is no command /%(name)s. /help lists them.") % {"name": name})

    def _choose_model(self, name: str) -> None:
        if not name:
            self.screen.notice("\n".join(self.client.models()))
            return
        self.client.check(model=name)
        self.model = self.due_model = name
        self.screen.notice(_("%(model)s answers from now on.") % {"model": name})

    def _retry(self) -> None:
        if self.unsent is not None:
            self._send(replace(self.unsent, model=self.due_model or self.unsent.model))
        elif self.last is not None:
            self._answer(partial(self.client.regenerate, self.last, model=self.due_model))
        else:
            raise Refused(_("There is no answer yet that could be tried again."))

    def _stop_elsewhere(self) -> None:
        """At the prompt no answer of this session runs; one that was begun elsewhere may."""
        opened = self.client.open(self.conversation) if self.conversation is not None else None
        running = opened.last if opened is not None else None
        if running is None or running.completion is None or not running.is_running:
            raise Refused(_("No answer is being written."))
        self.client.stop(running.completion)
        self.screen.notice(_("Stopped."))

    # --- a turn ------------------------------------------------------------------------------------------------------

    def _send(self, question: Question) -> None:
        self.unsent = question

        def begin() -> Begun:
            begun = self.client.send(question)
            self.unsent, self.due_model, self.is_role_due = None, "", False
            return begun

        self._answer(begin)

    def _answer(self, begin: Callable[[], Begun]) -> None:
        turn = Turn(self.client, self.screen)
        try:
            end = turn.run(begin)
        finally:
            self.is_interrupted = turn.is_interrupted
            if turn.begun is not None:
                self.conversation, self.last = turn.begun.conversation, turn.begun.completion
        if end.status == "complete":
            if end.message:
                self.screen.notice(end.message)
        elif end.status == "stopped":
            self.screen.notice(_("Stopped."))
        else:
            raise Refused(end.message or end.status)


def help_text() -> str:
    lines = (
        ("/new, 1", _("begin a new conversation")),
        ("/model NAME", _("have another model answer; without a name: list them")),
        ("/retry", _("answer the last message again")),
        ("/stop, Ctrl-C", _("stop the answer that is being written")),
        ("/quit, 0, Ctrl-D", _("end")),
    )
    return "\n".join(f"{command:<18}{meaning}" for command, meaning in lines)
