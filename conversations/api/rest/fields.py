"""What a request says: queries, and bodies in JSON with nothing else in them."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from ninja.parser import Parser
from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictStr

from conversations.errors import NotJson
from conversations.forms import JSON, check_text, json_fields

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
        str | None,
        Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before."),
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


def _unset() -> Any:
    """The default of a field that may be left out and cannot be null; `exclude_unset` tells."""


class Change(Body):
    """What is to become different."""

    title: Annotated[
        StrictStr,
        Field(
            default_factory=_unset,
            min_length=1,
            max_length=200,
            description="The new name.",
            examples=["Plans for May"],
        ),
    ]
    pinned: Annotated[
        StrictBool, Field(default_factory=_unset, description="Whether it stands above the others.")
    ]
    archived: Annotated[
        StrictBool, Field(default_factory=_unset, description="Whether it is in the archive.")
    ]
