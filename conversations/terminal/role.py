"""The role preset that a sitting asks for, and what its `{{variables}}` stand for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from django.utils.translation import gettext as _

from ..errors import ConversationError
from ..forms import check_text, variables_of
from .client import Client, Refused


class Role:
    """key: None leaves it to the site, and "" is none. unasked: the variables that whoever types is still asked for."""

    def __init__(self, client: Client, key: str | None, given: Mapping[str, str]) -> None:
        """Raises Refused for a preset that cannot be chosen, and for values that it does not ask for."""
        self.key = key
        self.names = client.variables(key) if key else []
        self.values: dict[str, str] = {}
        for name, value in given.items():
            self._set(name, value)
        self.unasked = deque(self.missing)

    @property
    def missing(self) -> list[str]:
        return [name for name in self.names if not self.values.get(name)]

    def ask_again(self) -> None:
        """For another conversation, whose subject may be another."""
        self.unasked = deque(self.names)

    @property
    def question(self) -> str:
        """With the value it had in brackets."""
        name = self.unasked[0]
        value = self.values.get(name)
        return f"{name} [{value}]: " if value else f"{name}: "

    def take(self, line: str) -> None:
        """The answer to `question`; nothing leaves it as it was. Raises Refused, and the question stands."""
        if line.strip():
            self._set(self.unasked[0], line.strip())
        self.unasked.popleft()

    def _set(self, name: str, value: str) -> None:
        if name not in self.names:
            raise Refused(
                _("The role preset does not ask for “%(name)s”. It asks for: %(names)s.")
                % {"name": name, "names": ", ".join(self.names) or "–"}
            )
        try:
            check_text(value)
            variables_of({"variables": {name: value}})
        except ConversationError as refusal:
            raise Refused(refusal.message) from refusal
        self.values[name] = value
