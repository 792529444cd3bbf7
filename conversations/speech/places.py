"""How much one person may have spoken or heard at once: sound does not count among the answers that run, and each that
is waited for takes a connection, looks at the database, and may hold a recording in memory.

Per process, like the connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.models import User

from ..errors import TooMuchSound


class Places:
    """most: at once, of one person."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: list[int] = []  # by whom

    @contextmanager
    def place(self, user: User) -> Iterator[None]:
        """Raises TooMuchSound."""
        if self.taken.count(user.pk) >= self.most:
            raise TooMuchSound
        self.taken.append(user.pk)
        try:
            yield
        finally:
            self.taken.remove(user.pk)


SENTENCES = Places(4)  # a page asks for two; the speech in the box takes six of anything
RECORDINGS = Places(2)  # of 25 MB: half of what the process holds at once
