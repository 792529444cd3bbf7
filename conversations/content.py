"""The text of a message: whether it can be sent, how it is stored, which title it gives a conversation."""

from __future__ import annotations

import unicodedata

from django.conf import settings
from django.utils.translation import gettext as _

from .errors import EmptyMessage, MessageTooLong

TITLE_LENGTH = 80


def check_content(content: str) -> None:
    """Raises EmptyMessage or MessageTooLong."""
    if not content.strip():
        raise EmptyMessage
    size = len(content.encode())
    if size > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(
            _("The message has %(size)s bytes; the limit is %(limit)s. Shorten or split it.")
            % {"size": size, "limit": settings.MESSAGE_MAX_BYTES}
        )


def normalise(content: str) -> str:
    """Forms send line ends as CR LF; what is stored has LF."""
    return content.replace("\r\n", "\n").replace("\r", "\n")


def title_of(content: str) -> str:
    """The first line that says something, cut at a character and not inside one."""
    line = next((line.strip() for line in content.splitlines() if line.strip()), "")
    line = "".join(
        char for char in line if unicodedata.category(char) not in {"Cc", "Cf"} or char == "\u200d"
    )
    if len(line) <= TITLE_LENGTH:
        return line or _("New chat")
    cut = line[:TITLE_LENGTH]
    while cut and unicodedata.combining(line[len(cut)]):
        cut = cut[:-1]
    return f"{cut.rstrip()}…"
