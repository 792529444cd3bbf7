"""Completions: attempts of a model at an answer. Followed, stopped, tried again, continued."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from ninja import Header, Query, Router, Status
from ninja.params.functions import Body

from accounts import callers

from ... import access, sending, services
from ...views.stream import Reader, standing, stream_to
from .description import EVENT_STREAM
from .fields import Again
from .keys import READ, SEND, WRITE, caller
from .message_schemas import Sent, Standing, Stopping
from .replies import sent_reply
from .schemas import ON_READING, ON_SENDING, errors

completions = Router(tags=["Answers"])

MOST_POSITION = 10**9
AS_BEFORE = Body(Again.model_validate({}))  # a body is not needed


@completions.get(
    "/{completion_id}",
    auth=READ,
    response={200: Standing, **ON_READING},
    summary="See how far an answer is",
)
def get_completion(request: HttpRequest, completion_id: UUID) -> dict[str, Any]:
    """Its text so far. To follow it, read its events."""
    return standing(access.get_completion(caller(request).user, completion_id))


@completions.get(
    "/{completion_id}/events",
    auth=READ,
    response={200: None, **errors(400, 401, 403, 404, 429)},
    summary="Follow an answer",
    openapi_extra=EVENT_STREAM,
)
async def get_events(
    request: HttpRequest,
    completion_id: UUID,
    format: Annotated[Literal["text", "html"], Query("text", description="Of what is sent.")],
    after: Annotated[
        int,
        Query(0, ge=0, le=MOST_POSITION, description="The `id` of the last event that you have."),
    ],
    last_event_id: Annotated[
        int,
        Header(
            0,
            alias="Last-Event-ID",
            ge=0,
            le=MOST_POSITION,
            description="The same, as browsers send it. The larger of both counts.",
        ),
    ],
) -> HttpResponseBase:
    """An event stream, live while the answer is written; an answer that is complete comes at once.

    `delta {text}`: all of them together are the answer. `reasoning {text}` and `thought {seconds}`: what the model
    thought before. Last comes `end {status, message_id, code?, message?}`. An event's `id` is the number of
    code points of the answer up to its end. With `format=html` instead of `delta`: `block {index, html}` for each
    finished block, `open {index, html}` and `tail {index, text}` for the one that grows, `replace {html}` at
    the end where the whole differs. A comment comes every 15 s at least. When the key ends, so does the stream.
    """
    asking = caller(request)
    row = await sync_to_async(access.get_completion)(asking.user, completion_id)
    reader = Reader(asking.user, lambda: callers.may_go_on(asking, now=timezone.now()))
    return stream_to(reader, row, after=max(after, last_event_id), html=format == "html")


@completions.post(
    "/{completion_id}/stop",
    auth=WRITE,
    response={202: Stopping, **errors(401, 403, 404)},
    summary="Stop an answer",
)
def stop(request: HttpRequest, completion_id: UUID) -> Status[dict[str, Any]]:
    """At once; its events say when it has stopped. What has come of it is kept. Twice, or too late, changes nothing."""
    found = access.get_completion(caller(request).user, completion_id)
    services.stop_completion(found)
    return Status(202, {"completion": found.pk})


@completions.post(
    "/{completion_id}/regenerate",
    auth=SEND,
    response={201: Sent, **ON_SENDING},
    exclude_unset=True,
    summary="Answer again",
)
def regenerate(
    request: HttpRequest, completion_id: UUID, fields: Again = AS_BEFORE
) -> Status[dict[str, Any]]:
    """Another version of the answer; this one is kept beside it."""
    asking = caller(request)
    found = access.get_completion(asking.user, completion_id)
    message = access.get_message(asking.user, found.message_id)
    sent = sending.regenerate(
        asking.user,
        message,
        model=(fields.model or "").strip(),
        api_key=asking.api_key,
        now=timezone.now(),
    )
    return sent_reply(sent)


@completions.post(
    "/{completion_id}/continue",
    auth=SEND,
    response={201: Sent, **ON_SENDING},
    exclude_unset=True,
    summary="Continue an answer",
)
def go_on(request: HttpRequest, completion_id: UUID) -> Status[dict[str, Any]]:
    """One that was stopped or interrupted, or has reached its longest length: what comes is appended to it."""
    asking = caller(request)
    found = access.get_completion(asking.user, completion_id)
    message = access.get_message(asking.user, found.message_id)
    sent = sending.continue_answer(asking.user, message, api_key=asking.api_key, now=timezone.now())
    return sent_reply(sent)
