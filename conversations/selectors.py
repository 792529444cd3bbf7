"""Questions about conversations: the sidebar, a branch, the window of it that a page shows. Each says what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts.models import User

from .errors import sentence
from .models import Completion, Conversation, Message
from .prompt import Turn
from .rendering import from_cache, render_markdown, render_plain

WINDOW = 50  # messages on a page; older ones are a link away
MOST_TURNS = 400  # of a branch that are considered for a prompt
SIDEBAR = 60

ANCESTORS = """
WITH RECURSIVE branch(id, parent_id, depth) AS (
    SELECT id, parent_id, 0 FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id, m.parent_id, b.depth + 1
    FROM conversations_message m JOIN branch b ON m.id = b.parent_id
    WHERE b.depth + 1 < %s
)
SELECT id FROM branch ORDER BY depth
"""

NEWEST_LEAF = """
WITH RECURSIVE walk(id, depth) AS (
    SELECT CAST(%s AS {type}), 0
    UNION ALL
    SELECT (
        SELECT m.id FROM conversations_message m WHERE m.parent_id = walk.id
        ORDER BY m.created_at DESC, m.id DESC LIMIT 1
    ), depth + 1
    FROM walk WHERE walk.id IS NOT NULL
)
SELECT id FROM walk WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1
"""


def _as_parameter(key: UUID) -> Any:
    return Message._meta.pk.get_db_prep_value(key, connection)


def _as_uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def ancestor_ids(message_id: UUID, *, limit: int) -> list[UUID]:
    """The message and what came before it on its branch, newest first. One query, however long the conversation."""
    with connection.cursor() as cursor:
        cursor.execute(ANCESTORS, [_as_parameter(message_id), limit])
        return [_as_uuid(row[0]) for row in cursor.fetchall()]


def newest_leaf(message_id: UUID) -> UUID:
    """Where one gets by always taking the newest child. One query."""
    kind = "uuid" if connection.vendor == "postgresql" else "text"
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_LEAF.format(type=kind), [_as_parameter(message_id)])
        row = cursor.fetchone()
    return _as_uuid(row[0])


def turns(leaf_id: UUID) -> list[Turn]:
    """The newest turns of the branch that ends in `leaf_id`, oldest first. Two queries."""
    ids = ancestor_ids(leaf_id, limit=MOST_TURNS)
    rows = {
        key: Turn(role, content, key)
        for key, role, content in Message.objects.filter(pk__in=ids).values_list(
            "pk", "role", "content"
        )
    }
    return [rows[key] for key in reversed(ids) if key in rows]


# --- The transcript --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MessageView:
    """One message as a page shows it. `completion_id` is that of its newest completion; empty for the user's own."""

    id: UUID
    conversation_id: UUID
    role: str
    status: str
    content: str
    html: SafeString
    reasoning: str
    reasoning_seconds: float | None
    error_code: str
    error: str
    model_name: str
    completion_id: UUID | None
    created_at: datetime
    is_leaf: bool
    siblings: tuple[UUID, ...]

    @property
    def sibling_number(self) -> int:
        return self.siblings.index(self.id) + 1

    @property
    def sibling_count(self) -> int:
        return len(self.siblings)

    @property
    def previous_sibling(self) -> UUID | None:
        number = self.siblings.index(self.id)
        return self.siblings[number - 1] if number else None

    @property
    def next_sibling(self) -> UUID | None:
        number = self.siblings.index(self.id)
        return self.siblings[number + 1] if number + 1 < len(self.siblings) else None

    @property
    def is_running(self) -> bool:
        return self.status == Message.Status.RUNNING

    @property
    def events_url(self) -> str:
        return self._url("completion-events") if self.is_running else ""

    @property
    def stop_url(self) -> str:
        return self._url("completion-stop") if self.is_running else ""

    @property
    def regenerate_url(self) -> str:
        return "" if self.is_running else self._url("completion-regenerate")

    @property
    def continue_url(self) -> str:
        unfinished = {Message.Status.STOPPED, Message.Status.INTERRUPTED}
        possible = self.status in unfinished and self.is_leaf and self.content
        return self._url("completion-continue") if possible else ""

    @property
    def edit_url(self) -> str:
        if self.role != Message.Role.USER:
            return ""
        page = reverse("conversations:conversation", args=[self.conversation_id])
        return f"{page}?edit={self.id}#composer"

    def _url(self, name: str) -> str:
        if self.completion_id is None:
            return ""
        return reverse(f"conversations:{name}", args=[self.completion_id])


@dataclass(frozen=True)
class Transcript:
    """A window of the current branch, oldest first. `older` is the message before which there is more, or None."""

    messages: tuple[MessageView, ...]
    older: UUID | None

    @property
    def running(self) -> MessageView | None:
        return next((message for message in self.messages if message.is_running), None)


def transcript(
    conversation: Conversation, *, before: UUID | None = None, window: int = WINDOW
) -> Transcript:
    """The newest `window` messages of the current branch, or those that end before one of them. Five queries."""
    start = conversation.current_leaf_id
    if before is not None:
        row = conversation.messages.filter(pk=before).values_list("parent_id", flat=True).first()
        start = row if row is not None else start
    if start is None:
        return Transcript((), None)
    ids = ancestor_ids(start, limit=window + 1)
    shown = list(reversed(ids[:window]))
    rows = Message.objects.in_bulk(shown)
    views = message_views([rows[key] for key in shown if key in rows])
    return Transcript(tuple(views), shown[0] if len(ids) > window else None)


def message_views(messages: list[Message]) -> list[MessageView]:
    """With siblings and newest completions. Three queries, plus one for the cached HTML."""
    completions = _newest_completions(
        [message.pk for message in messages if message.role == Message.Role.ASSISTANT]
    )
    siblings = _siblings(messages)
    parents = {
        key
        for key in Message.objects.filter(parent__in=[message.pk for message in messages])
        .values_list("parent_id", flat=True)
        .distinct()
    }
    html = _html(messages)
    views = []
    for message in messages:
        completion = completions.get(message.pk)
        views.append(
            MessageView(
                id=message.pk,
                conversation_id=message.conversation_id,
                role=message.role,
                status=message.status,
                content=message.content,
                html=html[message.pk],
                reasoning=message.reasoning,
                reasoning_seconds=message.reasoning_seconds,
                error_code=message.error_code,
                error=sentence(message.error_code),
                model_name=completion.model_name if completion else "",
                completion_id=completion.pk if completion else None,
                created_at=message.created_at,
                is_leaf=message.pk not in parents,
                siblings=siblings[message.parent_id, message.conversation_id, message.role],
            )
        )
    return views


def _newest_completions(ids: Iterable[UUID]) -> dict[UUID, Completion]:
    rows = Completion.objects.filter(message__in=list(ids)).order_by("started_at")
    return {row.message_id: row for row in rows.only("id", "message_id", "model_name", "status")}


def _siblings(
    messages: list[Message],
) -> dict[tuple[UUID | None, UUID, str], tuple[UUID, ...]]:
    """The children of each message's parent, oldest first."""
    found: dict[tuple[UUID | None, UUID, str], list[UUID]] = defaultdict(list)
    parents = [message.parent_id for message in messages if message.parent_id is not None]
    rows = Message.objects.filter(parent__in=parents)
    roots = [message.conversation_id for message in messages if message.parent_id is None]
    if roots:
        rows = rows | Message.objects.filter(parent=None, conversation__in=roots)
    for parent, conversation, role, key in rows.order_by("created_at", "pk").values_list(
        "parent_id", "conversation_id", "role", "pk"
    ):
        found[parent, conversation, role].append(key)
    return {key: tuple(value) for key, value in found.items()}


def _html(messages: list[Message]) -> dict[UUID, SafeString]:
    """Each message's HTML; that of finished answers is cached. One look-up in the cache."""
    language = get_language()
    keys = {
        message.pk: f"html:1:{language}:{message.pk}:{len(message.content)}"
        for message in messages
        if message.role == Message.Role.ASSISTANT and message.status != Message.Status.RUNNING
    }
    cached = cache.get_many(keys.values()) if keys else {}
    fresh: dict[str, str] = {}
    html: dict[UUID, SafeString] = {}
    for message in messages:
        key = keys.get(message.pk, "")
        if key in cached:
            html[message.pk] = from_cache(cached[key])
        elif message.role == Message.Role.USER:
            html[message.pk] = render_plain(message.content)
        else:
            html[message.pk] = render_markdown(message.content, prefix=f"{message.pk}-")
            if key:
                fresh[key] = str(html[message.pk])
    if fresh:
        cache.set_many(fresh, 60 * 60)
    return html


# --- The sidebar -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SidebarItem:
    id: UUID
    title: str
    active_at: datetime
    running: bool

    @property
    def url(self) -> str:
        return reverse("conversations:conversation", args=[self.id])


def sidebar(
    user: User, *, before: datetime | None = None, limit: int = SIDEBAR
) -> tuple[list[SidebarItem], bool]:
    """The user's conversations, newest first, and whether there are more. Two queries."""
    rows = Conversation.objects.filter(owner=user, archived=False, deleted_at=None).order_by(
        "-active_at", "id"
    )
    if before is not None:
        rows = rows.filter(active_at__lt=before)
    found = list(rows.values_list("pk", "title", "active_at")[: limit + 1])
    running = set(
        Completion.objects.filter(
            status=Completion.Status.RUNNING, conversation__in=[key for key, _title, _at in found]
        ).values_list("conversation_id", flat=True)
    )
    items = [SidebarItem(key, title, at, key in running) for key, title, at in found[:limit]]
    return items, len(found) > limit
