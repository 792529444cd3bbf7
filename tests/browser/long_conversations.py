"""Conversations too long to be written by sending, made in the running site's database."""

from __future__ import annotations

from tests.browser.people import Person
from tests.processes import Site

GROW = """
from accounts.models import User
from tests.conversations.test_costs import grow
print(grow(User.objects.get(username={name!r}), 0, {messages}).pk)
"""


def long_conversation(site: Site, person: Person, messages: int) -> str:
    """The path of a conversation of "Message 0" to "Message n - 1"."""
    code = GROW.format(name=person.name, messages=messages)
    key = site.run(code).split()[-1]
    return f"/c/{key}/"
