"""What replies hold: conversations, their messages, answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from .schemas import Next, Parameters

Status = Annotated[
    Literal["complete", "running", "stopped", "failed", "interrupted"],
    Field(description="Only an answer can be anything but complete."),
]
Code = Annotated[
    str,
    Field(
        description="Why an answer ended as it did, where that needs saying; else empty.",
        examples=[""],
    ),
]


class Message(Schema):
    id: UUID
    role: Literal["user", "assistant"]
    status: Status
    code: Code
    content: Annotated[str, Field(examples=["Because of **Rayleigh scattering**."])]
    reasoning: Annotated[str, Field(description="What the model thought before it answered.")]
    model: Annotated[
        str,
        Field(description="Who wrote it; empty for your own messages.", examples=["gpt-4.1-mini"]),
    ]
    feedback: Literal["", "up", "down"]
    siblings: Annotated[
        list[UUID],
        Field(description="It and the other versions of it, oldest first: edited or regenerated."),
    ]
    completion: Annotated[
        UUID | None,
        Field(description="The newest attempt to write it; null for your own messages."),
    ]
    events: Annotated[
        str | None, Field(description="Its event stream while it is written.", examples=[None])
    ]
    created_at: datetime


class MessageList(Schema):
    items: list[Message]
    next: Next


class ConversationRow(Schema):
    id: UUID
    title: Annotated[str, Field(examples=["Why is the sky blue?"])]
    pinned: bool
    archived: bool
    running: Annotated[bool, Field(description="An answer is being written in it.")]
    created_at: datetime
    active_at: Annotated[datetime, Field(description="When it was last written in.")]
    url: Annotated[str, Field(description="Its page, for people.", examples=["/c/2c9f…/"])]


class ConversationList(Schema):
    items: list[ConversationRow]
    next: Next


class Conversation(ConversationRow):
    model: Annotated[str | None, Field(description="The name of the model it was last put to.")]
    preset: Annotated[str | None, Field(description="The key of its role preset.")]
    variables: Annotated[
        dict[str, str], Field(description="What the role preset's `{{variables}}` stand for.")
    ]
    parameters: Parameters
    leaf: Annotated[UUID | None, Field(description="The last message of the current branch.")]
    messages: MessageList
    comparison: Annotated[
        list[Message],
        Field(description="Answers of several models of which none has been kept yet."),
    ]


# --- Sending ---------------------------------------------------------------------------------------------------------


class Answer(Schema):
    answer: Annotated[UUID, Field(description="The message that is being written.")]
    completion: UUID
    events: Annotated[
        str, Field(description="Where to follow it.", examples=["/api/v1/completions/7e1d…/events"])
    ]
    stop: Annotated[
        str, Field(description="Where to stop it.", examples=["/api/v1/completions/7e1d…/stop"])
    ]


class ComparedAnswer(Answer):
    model: str


class Sent(Answer):
    """Of an answer that has been begun; of several to compare, of the first."""

    conversation: UUID
    message: Annotated[UUID, Field(description="Your message.")]
    url: Annotated[
        str, Field(description="The conversation's page, for people.", examples=["/c/2c9f…/"])
    ]
    answers: Annotated[
        list[ComparedAnswer],
        Field(default_factory=list, description="All of them, if several models were named."),
    ]


class Standing(Schema):
    status: Status
    code: Code
    text: Annotated[str, Field(description="Of the whole message.")]
    position: Annotated[int, Field(description="Its code points: `after` for its events.")]


class Stopping(Schema):
    completion: UUID
