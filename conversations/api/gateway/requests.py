"""What a request asks for: its model, what it may cost, and what is sent on. Wrong input becomes a Refusal here.

Only what the site must know is looked at; everything else is the endpoint's to judge.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.translation import gettext as _

from ...models import ChatModel
from ...tokens import PER_MESSAGE, estimate_tokens
from ...upstream.requests import Upload
from .refusals import Refusal, invalid

MOST_BYTES = 32 << 20  # of a body: recordings and pictures are large
MOST_CHOICES = 128
MOST_DEPTH = 100  # of lists and objects in each other; what walks through them later is recursive
IMAGE_TOKENS = 1_000  # of one picture, about
CHAT_LIMITS = ("max_completion_tokens", "max_tokens")
RESPONSE_LIMITS = ("max_output_tokens",)
HALF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")  # as JSON spells it; most are whole pairs


@dataclass(frozen=True)
class Asked:
    """body: as it was sent. prompt_tokens: our estimate. answer_tokens: the most that one choice may have, if said.

    limits: the names that the limit of an answer may have here; what has another name is none to the endpoint.
    counts_on_request: a stream tells its usage only if that is asked for; wants_usage: the program did.
    """

    body: dict[str, Any] = field(repr=False)
    model_name: str
    prompt_tokens: int
    answer_tokens: int | None = None
    limits: tuple[str, ...] = ()
    choices: int = 1
    streams: bool = False
    counts_on_request: bool = False
    wants_usage: bool = False

    def sent_on(self, model: ChatModel, *, limit: int | None) -> Upload:
        """For the endpoint. limit: of one choice, where less is granted than was asked for."""
        body = {**self.body, "model": model.name}
        if limit is not None:
            body[_given(body, self.limits) or self._usual_limit(model)] = limit
        if self.streams and self.counts_on_request:
            options = body.get("stream_options") or {}
            body["stream_options"] = {**options, "include_usage": True}
        return Upload(json.dumps(body).encode(), "application/json")

    def _usual_limit(self, model: ChatModel) -> str:
        parameter: str = model.max_tokens_parameter
        return parameter if parameter in self.limits else self.limits[0]


def read_chat(request: HttpRequest) -> Asked:
    body = read_object(request)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid(_("“messages” has to be a list with at least one message."), param="messages")
    if not all(isinstance(message, dict) for message in messages):
        raise invalid(_("Every one of “messages” has to be an object."), param="messages")
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise invalid(_("“stream_options” has to be an object."), param="stream_options")
    streams = _switch(body, "stream")
    wants_usage = _switch(options or {}, "include_usage")
    if not streams:
        body.pop("stream_options", None)
    tools = [body[name] for name in ("tools", "functions", "response_format") if body.get(name)]
    return Asked(
        body=body,
        model_name=_model_name(body),
        prompt_tokens=sum(map(_tokens_of_message, messages)) + _tokens_of(tools),
        answer_tokens=_limit(body, CHAT_LIMITS),
        limits=CHAT_LIMITS,
        choices=_choices(body),
        streams=streams,
        counts_on_request=True,
        wants_usage=wants_usage,
    )


def read_response(request: HttpRequest) -> Asked:
    """Of the Responses API."""
    body = read_object(request)
    if _switch(body, "background"):
        raise invalid(
            _("“background” cannot be used here: nobody would count what the answer costs."),
            param="background",
        )
    return Asked(
        body=body,
        model_name=_model_name(body),
        prompt_tokens=_tokens_of([body.get(name) for name in ("instructions", "input", "tools")]),
        answer_tokens=_limit(body, RESPONSE_LIMITS),
        limits=RESPONSE_LIMITS,
        streams=_switch(body, "stream"),
    )


def read_embeddings(request: HttpRequest) -> Asked:
    body = read_object(request)
    if not isinstance(body.get("input"), str | list) or not body["input"]:
        raise invalid(_("“input” has to be a text or a list of texts."), param="input")
    return _asked_once(body, body["input"])


def read_speech(request: HttpRequest) -> Asked:
    body = read_object(request)
    return _asked_once(body, _text(body, "input"))


def read_images(request: HttpRequest) -> Asked:
    body = read_object(request)
    return _asked_once(body, _text(body, "prompt"))


def read_transcription(request: HttpRequest) -> tuple[Asked, Upload]:
    """A form with a recording, which is sent on as it came."""
    if request.content_type != "multipart/form-data":
        raise Refusal(
            415,
            "invalid_request_error",
            "unsupported_content_type",
            _("Send the recording in a form (multipart/form-data)."),
        )
    content = read_bytes(request)
    kind = request.headers["Content-Type"]
    meta = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": len(content)}
    files = _Files()
    try:
        fields, _files = MultiPartParser(meta, BytesIO(content), [files]).parse()
    except (MultiPartParserError, SuspiciousOperation, ValueError):
        raise invalid(_("The form could not be read."), code="invalid_form") from None
    if "file" not in files.names:
        raise invalid(
            _("Send the recording as “file”."), param="file", code="missing_required_parameter"
        )
    body = {name: fields[name] for name in fields}
    return _asked_once(body, body.get("prompt", "")), Upload(content, kind)


class _Files(FileUploadHandler):
    """Which files a form has, of any size. They are not taken out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str | None] = set()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        pass

    def file_complete(self, file_size: int) -> None:
        self.names.add(self.field_name)


def _asked_once(body: dict[str, Any], text: object) -> Asked:
    """What has no answer made of tokens."""
    return Asked(body, _model_name(body), prompt_tokens=_tokens_of(text), answer_tokens=0)


def _text(body: dict[str, Any], name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise invalid(_("“%(name)s” has to be a text.") % {"name": name}, param=name)
    return text


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body, which has to be a JSON object in UTF-8."""
    if request.content_type != "application/json":
        raise Refusal(
            415,
            "invalid_request_error",
            "unsupported_content_type",
            _("Send JSON, with the header “Content-Type: application/json”."),
        )
    try:
        text = read_bytes(request).decode()
        body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        if HALF_A_PAIR.search(text):
            json.dumps(body, ensure_ascii=False).encode()  # as it will be sent on
    except (ValueError, RecursionError):
        raise invalid(_("The body is not valid JSON in UTF-8."), code="invalid_json") from None
    if not isinstance(body, dict):
        raise invalid(_("The body has to be a JSON object."), code="invalid_json")
    if _is_too_deep(body):
        raise invalid(_("The body is nested too deeply."), code="invalid_json")
    return body


def read_bytes(request: HttpRequest) -> bytes:
    """The body, past Django's own limit, which is that of forms."""
    content: bytes = request.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refusal(
            413, "invalid_request_error", "request_too_large", _("The request is too large.")
        )
    return content


def _no_number(text: str) -> None:
    raise ValueError(text)


def _finite(text: str) -> float:
    """JSON can write what no number of ours holds, and JSON could not write again."""
    if math.isinf(number := float(text)):
        raise ValueError(text)
    return number


def _is_too_deep(body: object) -> bool:
    level = [body]
    for _depth in range(MOST_DEPTH):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _model_name(body: dict[str, Any]) -> str:
    name = body.get("model")
    if name is None:
        raise invalid(
            _("Name a “model”; GET /v1/models lists them."),
            param="model",
            code="missing_required_parameter",
        )
    if not isinstance(name, str) or not name.strip() or "\x00" in name:
        raise invalid(_("“model” has to be the name of a model."), param="model")
    return name


def _switch(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid(_("“%(name)s” has to be true or false.") % {"name": name}, param=name)


def _given(body: dict[str, Any], names: tuple[str, ...]) -> str:
    """Which of these fields is there; empty for none. Raises Refusal for several."""
    given = [name for name in names if body.get(name) is not None]
    if len(given) > 1:  # which one counts differs from endpoint to endpoint
        raise invalid(
            _("Send “%(first)s” or “%(second)s”, not both.")
            % {"first": given[0], "second": given[1]},
            param=given[1],
        )
    return given[0] if given else ""


def _limit(body: dict[str, Any], names: tuple[str, ...]) -> int | None:
    name = _given(body, names)
    if not name:
        return None
    value = body[name]
    if type(value) is not int or not 1 <= value <= 2**31:
        raise invalid(_("“%(name)s” has to be a whole number from 1.") % {"name": name}, param=name)
    return value


def _choices(body: dict[str, Any]) -> int:
    value = body.get("n")
    if value is None:
        return 1
    if type(value) is not int or not 1 <= value <= MOST_CHOICES:
        raise invalid(
            _("“n” has to be a whole number from 1 to %(most)s.") % {"most": MOST_CHOICES},
            param="n",
        )
    return value


def _tokens_of_message(message: dict[str, Any]) -> int:
    return PER_MESSAGE + _tokens_of(
        [value for name, value in message.items() if name != "role" and value is not None]
    )


def _tokens_of(value: object) -> int:
    """Of everything in it that a model may read; a picture counts for what one usually does."""
    if isinstance(value, str):
        return estimate_tokens(value)
    if isinstance(value, list):
        return sum(map(_tokens_of, value))
    if isinstance(value, dict):
        if value.get("type") in ("image_url", "input_image", "input_audio"):
            return IMAGE_TOKENS
        return sum(1 + _tokens_of(one) for one in value.values())
    return 1
