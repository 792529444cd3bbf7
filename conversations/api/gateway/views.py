"""The addresses under `/v1`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.callers import caller_with_key
from accounts.models import Scope, UsageRecord

from ... import calls, catalogue
from ...endpoints import address_of
from ...errors import ModelUnknown
from ...models import ChatModel
from ...upstream.client import CHAT
from ...upstream.deltas import DeltaParser
from ...upstream.requests import Upload
from ...upstream.response_events import ResponseParser
from . import passing, requests
from .headers import rate_limits
from .passing import Passage
from .refusals import response_to, unknown_url, wrong_method
from .requests import Asked

Service = UsageRecord.Service
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def gateway(method: str) -> Callable[[View], View]:
    """Only that method; what goes wrong is told in OpenAI's shape. No cookie counts here, so none is protected."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        async def answered(
            request: HttpRequest, *args: object, **named: object
        ) -> HttpResponseBase:
            try:
                if request.method != method and not (method == "GET" and request.method == "HEAD"):
                    raise wrong_method(request, method)
                return await view(request, *args, **named)
            except Exception as error:
                return response_to(error)

        return answered

    return decorate


@gateway("GET")
async def models(request: HttpRequest) -> HttpResponseBase:
    rows = await sync_to_async(_offered)(request)
    return JsonResponse({"object": "list", "data": [_shown(row) for row in rows]})


@gateway("GET")
async def model(request: HttpRequest, name: str) -> HttpResponseBase:
    for row in await sync_to_async(_offered)(request):
        if row.name == name:
            return JsonResponse(_shown(row))
    raise ModelUnknown


@gateway("POST")
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    return await _pass_on(request, requests.read_chat, CHAT)


@gateway("POST")
async def responses(request: HttpRequest) -> HttpResponseBase:
    return await _pass_on(request, requests.read_response, "/responses", parser=ResponseParser)


@gateway("POST")
async def embeddings(request: HttpRequest) -> HttpResponseBase:
    return await _pass_on(
        request, requests.read_embeddings, "/embeddings", service=Service.EMBEDDINGS
    )


@gateway("POST")
async def images(request: HttpRequest) -> HttpResponseBase:
    path = "/images/generations"
    return await _pass_on(request, requests.read_images, path, service=Service.IMAGES)


@gateway("POST")
async def speech(request: HttpRequest) -> HttpResponseBase:
    path, scope = "/audio/speech", Scope.AUDIO
    return await _pass_on(request, requests.read_speech, path, service=Service.SPEECH, scope=scope)


@gateway("POST")
async def transcriptions(request: HttpRequest) -> HttpResponseBase:
    path, scope = "/audio/transcriptions", Scope.AUDIO
    return await _pass_on(
        request, requests.read_transcription, path, service=Service.TRANSCRIPTION, scope=scope
    )


@csrf_exempt
async def unknown(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    return response_to(unknown_url(request))


def _offered(request: HttpRequest) -> list[ChatModel]:
    caller = caller_with_key(request, scope=Scope.CHAT, now=timezone.now())
    return catalogue.offered(caller.limits, service=None)


def _shown(row: ChatModel) -> dict[str, object]:
    return {"id": row.name, "object": "model", "created": 0, "owned_by": row.endpoint.name}


async def _pass_on(
    request: HttpRequest,
    read: Callable[[HttpRequest], Asked | tuple[Asked, Upload]],
    path: str,
    *,
    service: UsageRecord.Service = Service.CHAT,
    scope: Scope = Scope.CHAT,
    parser: type[DeltaParser] = DeltaParser,
) -> HttpResponseBase:
    """read: the request, once it is known who asks. path: of the endpoint."""

    def begin() -> Passage:
        now = timezone.now()
        caller = caller_with_key(request, scope=scope, now=now)
        found = read(request)
        asked, upload = found if isinstance(found, tuple) else (found, None)
        model = catalogue.choose_model(asked.model_name, limits=caller.limits, service=service)
        longest = model.max_output_tokens if asked.answer_tokens is None else asked.answer_tokens
        wanted = asked.choices * longest
        call = calls.begin(
            caller,
            model,
            prompt_tokens=asked.prompt_tokens,
            answer_tokens=wanted,
            service=service,
            now=now,
        )
        is_less = call.answer_tokens < wanted
        limit = max(1, call.answer_tokens // asked.choices) if is_less else None
        return Passage(
            call=call,
            address=address_of(model.endpoint),
            path=path,
            body=upload or asked.sent_on(model, limit=limit),
            streams=asked.streams,
            drop_usage=asked.counts_on_request and not asked.wants_usage,
            parser=parser,
            headers=rate_limits(caller, now=now),
        )

    return await passing.pass_on(await calls.begun(begin))
