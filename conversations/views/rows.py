"""Messages as rows of a page. A finished one is rendered once, for whoever asks, until something about it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache as remember
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ..rendering.markdown import from_cache
from ..selectors import MessageView

TEMPLATE = "conversations/_message.html"
MADE_OF = ("conversations", "locale", "templates")  # folders
TEXTS = {"content", "reasoning"}  # only ever grow: their length says enough
SECONDS_KEPT = 60 * 60


@dataclass(frozen=True)
class MessageRow:
    message: MessageView
    html: SafeString


def message_rows(messages: Sequence[MessageView]) -> list[MessageRow]:
    """Each with its HTML in the active language. One look-up in the cache."""
    keys = {message.id: _key(message) for message in messages if not message.is_running}
    known = cache.get_many(keys.values())
    fresh: dict[str, str] = {}
    rows = []
    for message in messages:
        key = keys.get(message.id, "")
        if key in known:
            html = from_cache(known[key])
        else:
            html = render_to_string(TEMPLATE, {"message": message})
            if key:
                fresh[key] = str(html)
        rows.append(MessageRow(message, html))
    if fresh:
        cache.set_many(fresh, SECONDS_KEPT)
    return rows


def _key(message: MessageView) -> str:
    """Names everything that the row shows: another field of MessageView is in it by itself."""
    shown = [
        len(value) if name in TEXTS else str(value)
        for name, value in ((name, getattr(message, name)) for name in _names())
    ]
    digest = hashlib.blake2b(repr(shown).encode(), digest_size=16).hexdigest()
    return f"row:{_edition()}:{get_language()}:{digest}"


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
