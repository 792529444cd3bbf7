"""Messages as rows of a page. A finished one is rendered once, for whoever asks, until something about it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache as remember
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from .. import kept_rows
from ..rendering.markdown import from_cache
from ..selectors import MessageView

TEMPLATE = "conversations/_message.html"
MADE_OF = ("conversations", "locale", "templates")  # folders
TEXTS = {"content", "reasoning"}  # only ever grow: their length says enough


@dataclass(frozen=True)
class MessageRow:
    message: MessageView
    html: SafeString


def message_rows(messages: Sequence[MessageView]) -> list[MessageRow]:
    """Each with its HTML in the active language. One look-up in the cache."""
    marks = {message.id: _mark(message) for message in messages if not message.is_running}
    known = kept_rows.find(marks)
    fresh: dict[UUID, kept_rows.Kept] = {}
    rows = []
    for message in messages:
        mark = marks.get(message.id, "")
        kept_mark, kept_html = known.get(message.id, ("", ""))
        if mark and mark == kept_mark:
            html = from_cache(kept_html)
        else:
            html = render_to_string(TEMPLATE, {"message": message})
            if mark:
                fresh[message.id] = (mark, str(html))
        rows.append(MessageRow(message, html))
    if fresh:
        kept_rows.keep(fresh, {message.conversation_id for message in messages})
    return rows


def _mark(message: MessageView) -> str:
    """Of everything that the row shows: another field of MessageView is in it by itself."""
    shown = [
        len(value) if name in TEXTS else str(value)
        for name, value in ((name, getattr(message, name)) for name in _names())
    ]
    digest = hashlib.blake2b(repr(shown).encode(), digest_size=16).hexdigest()
    return f"{_edition()}:{get_language()}:{digest}"


@remember
def _names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(MessageView))


@remember
def _edition() -> int:
    """Changes with every upgrade, which a cache outside this process survives."""
    folders = [Path(settings.BASE_DIR) / name for name in MADE_OF]
    return max(
        int(path.stat().st_mtime)
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".html", ".mo", ".py"}
    )
