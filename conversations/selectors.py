"""Questions about conversations: a branch, the window of it that a page shows. Each says what it costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from . import access, comparing
from .addresses import address
from .errors import CUT_SHORT, sentence
from .models import Completion, Conversation, Message
from .prompt import Turn
from .rendering.markdown import render_markdown, render_plain
from .rendering.script import plain_language

WINDOW = 50  # messages on a page; older ones are a link away
MOST_TURNS = 400  # of a branch that are considered for a prompt
LONGEST_BRANCH = 100_000  # messages in which one is looked for

ANCESTORS = """
WITH RECURSIVE branch(id, parent_id, depth) AS (
    SELECT id, parent_id, 0 FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id, m.parent_id, b.depth + 1
    FROM conversations_message m JOIN branch b ON m.id = b.parent_id
    WHERE b.depth + 1 < %s
)
{select}
"""
ANCESTOR_IDS = ANCESTORS.format(select="SELECT id FROM branch ORDER BY depth")
ANCESTOR_ROWS = ANCESTORS.format(
    select="SELECT m.* FROM branch b JOIN conversations_message m ON m.id = b.id ORDER BY b.depth"
)

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
        cursor.execute(ANCESTOR_IDS, [_as_parameter(message_id), limit])
        return [_as_uuid(row[0]) for row in cursor.fetchall()]


def newest_leaf(message_id: UUID) -> UUID:
    """Where one gets by always taking the newest child. One query."""
    kind = "uuid" if connection.vendor == "postgresql" else "text"
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_LEAF.format(type=kind), [_as_parameter(message_id)])
        row = cursor.fetchone()
    return _as_uuid(row[0])


def turns(leaf_id: UUID, *, most: int = MOST_TURNS) -> list[Turn]:
    """The newest turns of the branch that ends in `leaf_id`, oldest first. Two queries."""
    ids = ancestor_ids(leaf_id, limit=most)
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
    """One message as a page shows it. `completion_id` is that of its newest completion; empty for the user's own.

    comparison: while it is one of several answers of which none has been kept.
    is_unfinished: there is more to ask for, as long as it is a leaf.
    """

    id: UUID
    conversation_id: UUID
    role: str
    status: str
    content: str
    reasoning: str
    reasoning_seconds: float | None
    error_code: str
    model_name: str
    completion_id: UUID | None
    created_at: datetime
    is_leaf: bool
    feedback: str
    siblings: tuple[UUID, ...]
    comparison: UUID | None = None
    is_unfinished: bool = False

    @cached_property
    def html(self) -> SafeString:
        """Its text for a page, rendered when it is asked for: pages keep whole rows (`views/rows.py`)."""
        if self.role == Message.Role.USER:
            return render_plain(self.content)
        return render_markdown(self.content, prefix=f"{self.id}-")

    @property
    def language(self) -> str:
        """Of its text, where that is plainly not the page's; else empty."""
        plain = plain_language(self.content)
        return "" if (get_language() or "").startswith(plain) else plain

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
    def note(self) -> str:
        """Why the text ends where it does, if that is no error; without any text it is one."""
        is_complete = self.status == Message.Status.COMPLETE
        is_cut_short = is_complete and self.error_code in CUT_SHORT and self.content
        return sentence(self.error_code) if is_cut_short else ""

    @property
    def error(self) -> str:
        return "" if self.note else sentence(self.error_code)

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
    def completion_url(self) -> str:
        return self._url("completion")

    @property
    def leaf_url(self) -> str:
        return address("leaf", self.conversation_id)

    @property
    def continue_url(self) -> str:
        possible = self.is_unfinished and self.is_leaf and self.content
        return self._url("completion-continue") if possible else ""

    @property
    def receipt_url(self) -> str:
        return "" if self.completion_id is None else address("receipt", self.id)

    @property
    def edit_url(self) -> str:
        if self.role != Message.Role.USER:
            return ""
        page = address("conversation", self.conversation_id)
        return f"{page}?edit={self.id}#composer"

    def _url(self, name: str) -> str:
        return "" if self.completion_id is None else address(name, self.completion_id)


@dataclass(frozen=True)
class Transcript:
    """A window of the current branch, oldest first. `older` is the message before which there is more, or None.

    ends_early: there is more after it, too.
    compared: the answers of which the last message is one while none has been kept, in order.
    """

    messages: tuple[MessageView, ...]
    older: UUID | None
    compared: tuple[MessageView, ...] = ()
    ends_early: bool = False

    @property
    def decided(self) -> tuple[MessageView, ...]:
        """The messages before the answers that are compared."""
        return self.messages[:-1] if self.compared else self.messages

    @property
    def running(self) -> bool:
        return any(message.is_running for message in (*self.messages, *self.compared))


def transcript(
    conversation: Conversation, *, before: UUID | None = None, window: int = WINDOW
) -> Transcript:
    """The newest `window` messages of the current branch, or those that end before one of them. Three queries.

    Two more where answers are compared.
    """
    start = conversation.current_leaf_id
    if before is not None:
        message = access.find_message(conversation, before)
        start = message.parent_id if message and message.parent_id else start
    if start is None:
        return Transcript((), None)
    rows = list(Message.objects.raw(ANCESTOR_ROWS, [_as_parameter(start), window + 1]))
    shown = rows[:window][::-1]
    group = comparing.compared_with(shown[-1]) if shown else []
    compared = [answer.pk for answer in group] if len(group) > 1 else []
    others = [answer for answer in group if answer.pk in compared and answer.pk != shown[-1].pk]
    views = {view.id: view for view in message_views([*shown, *others])}
    return Transcript(
        tuple(views[message.pk] for message in shown),
        shown[0].pk if len(rows) > window else None,
        tuple(views[key] for key in compared),
        ends_early=start != conversation.current_leaf_id,
    )


def window_around(conversation: Conversation, message_id: UUID) -> UUID | None:
    """The `before` of `transcript` for a window with that message in its middle. Two queries.

    None where the newest window has it, and where the current branch does not go through it.
    """
    leaf = Conversation.objects.values_list("current_leaf", flat=True).get(pk=conversation.pk)
    newest_first = ancestor_ids(leaf, limit=LONGEST_BRANCH) if leaf else []
    place = newest_first.index(message_id) if message_id in newest_first else 0
    return newest_first[place - WINDOW // 2] if place >= WINDOW else None


def message_views(messages: list[Message]) -> list[MessageView]:
    """With siblings and newest completions. Two queries."""
    completions = _newest_completions(
        [message.pk for message in messages if message.role == Message.Role.ASSISTANT]
    )
    children = _children(messages)
    parents = {parent for parent, _conversation, _role in children}
    views = []
    for message in messages:
        completion_id, model_name = completions.get(message.pk, (None, ""))
        views.append(
            MessageView(
                id=message.pk,
                conversation_id=message.conversation_id,
                role=message.role,
                status=message.status,
                content=message.content,
                reasoning=message.reasoning,
                reasoning_seconds=message.reasoning_seconds,
                error_code=message.error_code,
                model_name=model_name,
                completion_id=completion_id,
                created_at=message.created_at,
                is_leaf=message.pk not in parents,
                feedback=message.feedback,
                siblings=children[message.parent_id, message.conversation_id, message.role],
                comparison=message.comparison,
                is_unfinished=message.is_unfinished,
            )
        )
    return views


def _newest_completions(ids: list[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Id and model name, by message."""
    rows = Completion.objects.filter(message__in=ids).order_by("started_at")
    return {
        message: (key, name)
        for message, key, name in rows.values_list("message_id", "pk", "model_name")
    }


def _children(
    messages: list[Message],
) -> dict[tuple[UUID | None, UUID, str], tuple[UUID, ...]]:
    """The children of each message's parent, itself among them, and its own; oldest first."""
    found: dict[tuple[UUID | None, UUID, str], list[UUID]] = defaultdict(list)
    parents = {message.pk for message in messages}
    parents |= {message.parent_id for message in messages if message.parent_id is not None}
    rows = Message.objects.filter(parent__in=parents)
    roots = [message.conversation_id for message in messages if message.parent_id is None]
    if roots:
        rows = rows | Message.objects.filter(parent=None, conversation__in=roots)
    for parent, conversation, role, key in rows.order_by("created_at", "pk").values_list(
        "parent_id", "conversation_id", "role", "pk"
    ):
        found[parent, conversation, role].append(key)
    return {key: tuple(value) for key, value in found.items()}
