"""What a request says: queries, and bodies in JSON with nothing else in them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema
from ninja.parser import Parser
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from ...comparing import MOST_MODELS
from ...errors import NotJson
from ...forms import JSON, check_text, json_fields
from ...parameters import PARAMETERS
from ...variables import LONGEST_NAME, LONGEST_VALUE, MOST_VARIABLES

LONGEST_CURSOR = 1_000


class JsonParser(Parser):
    """Reads bodies like the site's own scripts are read: on the raw bytes, and with the same refusals."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        if request.content_type != JSON:
            raise NotJson
        return json_fields(request.body)


def _storable(text: str) -> str:
    check_text(text)
    return text


class Paging(Schema):
    """Which part of a list."""

    limit: Annotated[int, Field(50, ge=1, le=100, description="How many at most.")]
    cursor: Annotated[
        str,
        Field("", max_length=LONGEST_CURSOR, description="`next` of the page before, if any."),
    ]


class Search(Paging):
    archived: Annotated[
        bool, Field(False, description="Those in the archive instead of the others.")
    ]
    q: Annotated[
        str,
        AfterValidator(_storable),
        Field("", max_length=200, description="Words that all have to be in the title."),
    ]


class Body(Schema):
    """Nothing but the fields it names."""

    model_config = ConfigDict(extra="forbid")


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


def _unset() -> Any:
    """The default of a field that may be left out and cannot be null; `exclude_unset` tells."""


class Change(Body):
    """What is to become different."""

    model_config = _example(title="Plans for May", pinned=True)

    title: Annotated[
        StrictStr,
        Field(
            default_factory=_unset,
            min_length=1,
            max_length=200,
            description="The new name.",
        ),
    ]
    pinned: Annotated[
        StrictBool, Field(default_factory=_unset, description="Whether it stands above the others.")
    ]
    archived: Annotated[
        StrictBool, Field(default_factory=_unset, description="Whether it is in the archive.")
    ]


# --- Sending ---------------------------------------------------------------------------------------------------------

ModelName = Annotated[StrictStr, Field(max_length=200)]


NOT_BLANK = (
    r"[^\s\x1c-\x1f]"  # as Python strips, which is a little more than what expressions call a space
)


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 5.0 is as whole as 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _range(name: str) -> Any:
    parameter = PARAMETERS[name]
    return Field(ge=parameter.minimum, le=parameter.maximum)


class Question(Body):
    """A message of yours, and who is to answer it how. What is left out stays as the conversation has it."""

    model_config = _example(
        content="Why is the sky blue?",
        client_id="0b4c7a52-3c1c-4d6e-9d0f-5a4f0c6f7a11",
        preset="translator",
        temperature=0.5,
    )

    content: Annotated[
        StrictStr,
        Field(
            description="The text, in any length that the site allows.",
            json_schema_extra={"minLength": 1, "pattern": NOT_BLANK},
        ),
    ]
    client_id: Annotated[
        UUID | None,
        Field(
            None,
            description="A UUID of your choice. Sending with the same one again answers as the first time and costs"
            " nothing: repeat a request whose reply did not reach you.",
        ),
    ]
    model: Annotated[
        ModelName | Annotated[list[ModelName], Field(max_length=MOST_MODELS)] | None,
        Field(None, description="Its name; several to compare their answers."),
    ]
    preset: Annotated[
        StrictStr | None,
        Field(None, max_length=60, description="The key of a role preset; empty for none."),
    ]
    variables: Annotated[
        dict[
            Annotated[StrictStr, Field(max_length=LONGEST_NAME)],
            Annotated[StrictStr, Field(max_length=LONGEST_VALUE)],
        ]
        | None,
        Field(
            None,
            max_length=MOST_VARIABLES,
            description="What the role preset's `{{variables}}` stand for.",
        ),
    ]
    temperature: Annotated[
        Annotated[StrictFloat, _range("temperature")] | None,
        Field(None, description="Low: to the point. High: more varied."),
    ]
    top_p: Annotated[
        Annotated[StrictFloat, _range("top_p")] | None,
        Field(None, description="Lower: only the likeliest words."),
    ]
    max_tokens: Annotated[
        Annotated[StrictInt, _range("max_tokens"), BeforeValidator(_whole)] | None,
        Field(None, description="The longest answer, in tokens."),
    ]
    presence_penalty: Annotated[
        Annotated[StrictFloat, _range("presence_penalty")] | None,
        Field(None, description="Higher: turns to new subjects."),
    ]
    frequency_penalty: Annotated[
        Annotated[StrictFloat, _range("frequency_penalty")] | None,
        Field(None, description="Higher: repeats itself less."),
    ]


class NextQuestion(Question):
    """One in a conversation that has been begun."""

    model_config = _example(
        content="And red in the evening?", client_id="5d0f3a8e-7b1d-4c0e-8f53-2f6d1b9c4e22"
    )

    parent: Annotated[
        UUID | None,
        Field(None, description="The answer that it follows; else the last of the branch shown."),
    ]
    edit: Annotated[
        UUID | None,
        Field(None, description="The message of yours instead of which it stands, on a branch."),
    ]


class Again(Body):
    """How the answer is to be different, if in more than its words."""

    model_config = _example(model="gpt-4.1-mini")

    model: Annotated[
        ModelName | None, Field(None, description="Another one than the conversation has.")
    ]
