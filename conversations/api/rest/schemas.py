"""What replies hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

Next = Annotated[
    str | None, Field(description="The `cursor` of the next page; null on the last one.")
]


class Error(Schema):
    """What is wrong. `message` is for people, in the language of `Accept-Language`; `code` never changes."""

    code: Annotated[str, Field(examples=["invalid_parameter"])]
    message: str
    request_id: Annotated[str, Field(description="Also in `X-Request-ID`; the log names it.")]
    field: Annotated[str, Field("", description="Which field is wrong, if it is one.")]
    limit: Annotated[
        int | str | None,
        Field(None, description="The limit that is reached: a number, money as text."),
    ]
    resets_at: Annotated[
        datetime | None, Field(None, description="When a used-up quota is renewed.")
    ]


class ErrorReply(Schema):
    error: Error


def errors(*statuses: int) -> dict[int, type[ErrorReply]]:
    """The part of `response` that says which errors are possible."""
    return dict.fromkeys(statuses, ErrorReply)


ON_LISTS: dict[int, Any] = {304: None, **errors(400, 401, 403)}
ON_READING: dict[int, Any] = {304: None, **errors(400, 401, 403, 404)}


class Model(Schema):
    name: Annotated[str, Field(description="How a request names it.", examples=["gpt-4.1-mini"])]
    label: Annotated[str, Field(description="As people see it.")]
    note: str
    default: Annotated[bool, Field(description="It answers where no other was chosen.")]
    context_window: Annotated[int, Field(description="Tokens of prompt and answer together.")]
    max_output_tokens: Annotated[int, Field(description="The longest answer, in tokens.")]
    sees_images: bool


class ModelList(Schema):
    items: list[Model]
    next: Next


class ConversationRow(Schema):
    id: UUID
    title: str
    pinned: bool
    archived: bool
    running: Annotated[bool, Field(description="An answer is being written in it.")]
    created_at: datetime
    active_at: Annotated[datetime, Field(description="When it was last written in.")]
    url: Annotated[str, Field(description="Its page, for people.")]


class ConversationList(Schema):
    items: list[ConversationRow]
    next: Next
