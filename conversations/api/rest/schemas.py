"""What replies hold: errors, lists, what can be chosen, what was spent. `message_schemas.py` has the rest."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field, PlainSerializer

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


def errors(*statuses: int) -> dict[int, Any]:
    """The part of `response` that says which errors are possible."""
    return dict.fromkeys(statuses, ErrorReply)


ON_LISTS: dict[int, Any] = {304: None, **errors(400, 401, 403)}
ON_READING: dict[int, Any] = {304: None, **errors(400, 401, 403, 404)}
ON_CHANGES: dict[int, Any] = errors(400, 401, 403, 404, 409, 413, 415)
ON_SENDING: dict[int, Any] = {**ON_CHANGES, **errors(429, 503)}


# --- What can be chosen ----------------------------------------------------------------------------------------------


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


class Parameters(Schema):
    """Those that are set; null is the default."""

    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    presence_penalty: float | None
    frequency_penalty: float | None


class PresetRow(Schema):
    key: Annotated[
        str,
        Field(description="How a request names it: the slug of one of the site's, else the id."),
    ]
    id: UUID
    source: Annotated[
        Literal["own", "site", "shared"],
        Field(description="Yours, the site's, or another person's."),
    ]
    name: str
    icon: Annotated[str, Field(description="One emoji, or nothing.")]
    description: str
    language: str


class PresetList(Schema):
    items: list[PresetRow]
    next: Next


class Turn(Schema):
    role: Literal["user", "assistant"]
    content: str


class Preset(PresetRow):
    instruction: str
    variables: Annotated[
        list[str], Field(description="What the instruction asks for as `{{name}}`.")
    ]
    greeting: str
    example_prompts: list[str]
    few_shot_turns: list[Turn]
    model: Annotated[str | None, Field(description="The model it is meant for; null: your choice.")]
    parameters: Parameters
    updated_at: datetime


# --- What was spent --------------------------------------------------------------------------------------------------


def _plain(money: Decimal) -> str:
    return f"{money.normalize():f}"


Money = Annotated[
    Decimal,
    PlainSerializer(_plain, return_type=str),
    Field(description="In the currency of the site's prices; a text, so that nothing is lost."),
]


class Spent(Schema):
    requests: int
    tokens: int
    money: Money


class Limits(Schema):
    """Null is no limit."""

    requests_per_day: int | None
    requests_per_month: int | None
    tokens_per_day: int | None
    tokens_per_month: int | None
    money_per_day: Money | None
    money_per_month: Money | None


class Remaining(Schema):
    """Null is no limit. What running answers have set aside counts as spent."""

    requests_today: int | None = None
    requests_this_month: int | None = None
    tokens_today: int | None = None
    tokens_this_month: int | None = None
    money_today: Money | None = None
    money_this_month: Money | None = None


class Account(Schema):
    today: Spent
    month: Spent
    limits: Limits
    remaining: Remaining
    low: Annotated[
        list[str],
        Field(description="Names of `remaining` of which four fifths or more are spent."),
    ]


class KeyUsage(Account):
    name: Annotated[str, Field(description="As it was named when it was made.")]


class Resets(Schema):
    """In the site's time zone the next midnight, and the first one of the next month."""

    today: datetime
    month: datetime


class Usage(Account):
    resets: Resets
    key: Annotated[
        KeyUsage, Field(description="What this key has spent of it; its limits hold besides yours.")
    ]
