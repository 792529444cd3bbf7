"""What a request says, as values: JSON, form and multipart alike. Wrong input becomes a ConversationError here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _

from .errors import InvalidParameter, InvalidText, MessageTooLong
from .parameters import read_parameters
from .sending import Sending
from .variables import LONGEST_NAME, LONGEST_VALUE, MOST_VARIABLES

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
VARIABLE = "variable_"
SEVERAL = {
    "model",
    "compare",
    "conversation",
}  # fields that a form may repeat; in JSON they may be lists


def fields_of(request: HttpRequest) -> dict[str, Any]:
    """The fields of the request's body by name.

    Raises MessageTooLong, InvalidText (on the raw bytes: Django would replace what is not UTF-8 in silence) or
    InvalidParameter.
    """
    try:
        body = request.body
    except RequestDataTooBig:
        raise MessageTooLong(too_long()) from None
    except UnreadablePostError:
        raise InvalidParameter(cut_off()) from None
    kind = request.content_type
    if kind == JSON:
        return json_fields(body)
    if kind == MULTIPART and b"content-transfer-encoding" in body.lower():
        raise InvalidParameter(_("The form could not be read."))  # its bytes could not be checked
    _text(unquote_to_bytes(body) if kind == FORM else body)  # only to see whether it is one
    fields = _form(request)
    _check_storable(fields)
    return fields


def json_fields(body: bytes) -> dict[str, Any]:
    """The fields of a JSON object, none in an empty body. Raises InvalidText or InvalidParameter."""
    text = _text(body)
    try:
        fields = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise InvalidParameter(_("The body is not valid JSON.")) from None
    if not isinstance(fields, dict):
        raise InvalidParameter(_("The body has to be a JSON object."))
    _check_storable(fields)
    return fields


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidText from None


def too_long() -> str:
    return _("The message is longer than the limit of %(limit)s bytes. Shorten or split it.") % {
        "limit": settings.MESSAGE_MAX_BYTES
    }


def cut_off() -> str:
    return _("The request broke off before it was complete.")


def _form(request: HttpRequest) -> dict[str, Any]:
    try:
        several = {name: request.POST.getlist(name) for name in SEVERAL & request.POST.keys()}
        repeated = {name: values for name, values in several.items() if len(values) > 1}
        return {name: request.POST[name] for name in request.POST} | repeated
    except (MultiPartParserError, RequestDataTooBig):
        raise InvalidParameter(_("The form could not be read.")) from None


def _check_storable(value: object) -> None:
    """No NUL (PostgreSQL cannot store it) and no lone surrogate (JSON can say one, UTF-8 cannot), however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            check_text(one)
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]


def check_text(text: str) -> None:
    """Raises InvalidText for what cannot be stored."""
    if "\x00" in text:
        raise InvalidText
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidText from None


def text_field(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    value = fields.get(name, default)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InvalidParameter(_("%(name)s has to be a text.") % {"name": name}, field=name)
    return value


def names_field(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a field that may be given once, several times or not at all; blank ones are none."""
    value = fields.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(one, str) for one in values):
        raise InvalidParameter(_("%(name)s has to be a text.") % {"name": name}, field=name)
    return tuple(one.strip() for one in values if one.strip())


def uuid_field(fields: Mapping[str, Any], name: str) -> UUID | None:
    """The UUID in that field, None if it is empty."""
    value = text_field(fields, name).strip()
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise InvalidParameter(
            _("%(name)s has to be a UUID.") % {"name": name}, field=name
        ) from None


def uuid_or_none(text: str) -> UUID | None:
    """The UUID in a part of an address; what is none is ignored there."""
    try:
        return UUID(text)
    except ValueError:
        return None


def variables_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """What the role preset's variables stand for: the object `variables`, or fields named `variable_<name>`.

    Raises InvalidParameter for what is no text, too long or too much.
    """
    given = fields.get("variables")
    if given is None:
        given = {
            name.removeprefix(VARIABLE): value
            for name, value in fields.items()
            if name.startswith(VARIABLE)
        }
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidParameter(_("variables has to be an object of texts."), field="variables")
    if len(given) > MOST_VARIABLES or any(len(name) > LONGEST_NAME for name in given):
        raise InvalidParameter(
            _(
                "A role preset has at most %(count)s variables, with names of at most %(length)s characters."
            )
            % {"count": MOST_VARIABLES, "length": LONGEST_NAME},
            field="variables",
        )
    for name, value in given.items():
        if len(value) > LONGEST_VALUE:
            raise InvalidParameter(
                _("%(name)s: at most %(limit)s characters.")
                % {"name": name, "limit": LONGEST_VALUE},
                field="variables",
            )
    return {name.strip(): value for name, value in given.items()}


def sending_of(fields: Mapping[str, Any], *, language: str) -> Sending:
    """The message a request sends. Without a client id it gets one: such a request cannot be repeated safely."""
    return Sending(
        content=text_field(fields, "content"),
        client_id=uuid_field(fields, "client_id") or uuid4(),
        edit=uuid_field(fields, "edit"),
        parent=uuid_field(fields, "parent"),
        models=names_field(fields, "model"),
        compare=names_field(fields, "compare"),
        preset=text_field(fields, "preset").strip() if "preset" in fields else None,
        parameters=read_parameters(fields),
        variables=variables_of(fields),
        language=language,
    )
