"""The addresses under `/v1`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.callers import caller_with_key
from accounts.models import Scope

from ... import calls, catalogue
from ...endpoints import address_of
from ...errors import ModelUnknown
from ...models import ChatModel
from ...upstream import CHAT
from . import passing, requests
from .headers import rate_limits
from .passing import Passage
from .refusals import response_to, unknown_url, wrong_method

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
    return await passing.pass_on(await calls.begun(partial(_begin_chat, request)))


@csrf_exempt
async def unknown(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    return response_to(unknown_url(request))


def _offered(request: HttpRequest) -> list[ChatModel]:
    caller = caller_with_key(request, scope=Scope.CHAT, now=timezone.now())
    return catalogue.offered(caller.limits)


def _shown(row: ChatModel) -> dict[str, object]:
    return {"id": row.name, "object": "model", "created": 0, "owned_by": row.endpoint.name}


def _begin_chat(request: HttpRequest) -> Passage:
    now = timezone.now()
    caller = caller_with_key(request, scope=Scope.CHAT, now=now)
    asked = requests.read_chat(request)
    model = catalogue.choose_model(asked.model_name, limits=caller.limits)
    wanted = asked.choices * (asked.answer_tokens or model.max_output_tokens)
    call = calls.begin(
        caller, model, prompt_tokens=asked.prompt_tokens, answer_tokens=wanted, now=now
    )
    is_less = call.answer_tokens < wanted
    limit = max(1, call.answer_tokens // asked.choices) if is_less else None
    return Passage(
        call=call,
        address=address_of(model.endpoint),
        path=CHAT,
        body=asked.sent_on(model, limit=limit),
        streams=asked.streams,
        wants_usage=asked.wants_usage,
        headers=rate_limits(caller, now=now),
    )
