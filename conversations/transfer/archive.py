"""Everything of a person as one ZIP file, made while it is sent: nothing of it is on a disk, little of it in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.timezone import localtime

from accounts.models import User

from ..models import Conversation
from . import account, documents, writing
from .documents import Words
from .file_names import file_name
from .reading import rows_of

PIECE = 64 * 1024  # bytes
OWNER_ONLY = 0o600 << 16
CONVERSATIONS_AT_ONCE = 50

File = tuple[str, datetime, Iterable[str]]


class Outlet:
    """What has been written since it was last taken."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        taken = bytes(self.written)
        self.written.clear()
        return taken


def archive_of(user: User, *, now: datetime) -> Iterator[bytes]:
    """The archive in pieces of about 64 kB; in the language that is active when this is called."""
    return _zipped(_files(user, documents.words(), now), now)


def _zipped(files: Iterable[File], now: datetime) -> Iterator[bytes]:
    outlet = Outlet()
    with ZipFile(outlet, "w") as archive:
        for name, at, texts in files:
            with archive.open(_entry(name, at), "w") as entry:
                handed = 0
                for text in texts:
                    data = text.encode()
                    for start in range(0, len(data), PIECE):
                        handed += entry.write(data[start : start + PIECE])
                        # Of what is read: texts shrink to little, and reading takes the time.
                        if handed >= PIECE:
                            yield outlet.take()
                            handed = 0
            yield outlet.take()
    yield outlet.take()


def _entry(name: str, at: datetime) -> ZipInfo:
    entry = ZipInfo(name, max(localtime(at).timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = OWNER_ONLY
    return entry


def _files(user: User, said: Words, now: datetime) -> Iterator[File]:
    yield "profile.json", now, account.profile(user, now)
    yield "ways-in.json", now, account.ways_in(user, now)
    yield "api-keys.json", now, account.keys(user, now)
    yield "activity.csv", now, account.activity(user)
    yield "usage.csv", now, account.usage(user)
    yield "folders-and-tags.json", now, writing.labels(user)
    for number, document in enumerate(writing.preset_documents(user), start=1):
        yield f"role-presets-{number}.json", now, (document,)
    yield "role-preset-versions.json", now, writing.preset_versions(user)
    yield "instructions.json", now, writing.instructions(user)
    count = 0
    mine = Conversation.objects.filter(owner=user, deleted_at=None).order_by("created_at", "pk")
    whole = mine.select_related("model", "preset", "folder").prefetch_related("tags")
    for count, conversation in enumerate(rows_of(whole, at_once=CONVERSATIONS_AT_ONCE), start=1):
        at, name = conversation.active_at, partial(file_name, count, conversation.title)
        yield f"conversations/{name('json')}", at, documents.as_json(conversation)
        yield f"conversations/{name('md')}", at, documents.as_markdown(conversation, said)
    yield "README.txt", now, _read_me(user, count, now)


def _read_me(user: User, conversations: int, now: datetime) -> Iterator[str]:
    """In every language of the site, the reader's first."""
    context = {"user": user, "count": conversations, "now": now}
    first = user.language or settings.LANGUAGE_CODE
    others = (code for code, _name in settings.LANGUAGES if code != first)
    for code in chain([first], others):
        with translation.override(code):
            text = render_to_string("conversations/archive_readme.txt", context)
        yield text.strip() + "\n\n"
