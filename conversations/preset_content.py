"""What people write in a role preset, as one value: the content of a version, of an export, of a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from .models import ChatModel, RolePreset, Sampling
from .names import one_line

TEXTS = ("name", "icon", "description", "instruction", "greeting")
LISTS = ("example_prompts", "few_shot_turns")
FIELDS = (*TEXTS, *LISTS, "model", *Sampling.NAMES)

MOST_EXAMPLES = 10
LONGEST_EXAMPLE = 500
MOST_PAIRS = 8
LONGEST_TURN = 8_000
FARTHEST = 1_000_000_000  # a number beyond is none


def content_of(preset: RolePreset) -> dict[str, Any]:
    """Every field that people write, by name; the model by its name, None for the user's own choice."""
    content: dict[str, Any] = {name: getattr(preset, name) for name in (*TEXTS, *LISTS)}
    content["model"] = preset.model.name if preset.model else None
    return content | {name: getattr(preset, name) for name in Sampling.NAMES}


def put_content(
    preset: RolePreset, content: Mapping[str, Any], models: Mapping[str, ChatModel]
) -> None:
    """Make it say that. A model that is not among those given, by name, leaves the choice to the user."""
    for name in (*TEXTS, *LISTS, *Sampling.NAMES):
        if name in content:
            setattr(preset, name, content[name])
    preset.model = models.get(content.get("model") or "")


def read_content(value: object, *, named: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The content that a file says, checked and complete. Raises ValidationError with one sentence per problem.

    named: what the file calls a field, if not by our name.
    """
    if not isinstance(value, dict):
        raise ValidationError(_("This is not an object with the fields of a role preset."))
    problems = [
        _("There is no field %(name)s.") % {"name": _visible(name)}
        for name in value
        if name not in FIELDS
    ]
    content: dict[str, Any] = {}
    for name in FIELDS:
        try:
            content[name] = _read_field(name, value.get(name))
        except ValidationError as error:
            said = (named or {}).get(name, name)
            problems += [f"{said}: {message}" for message in error.messages]
    if problems:
        raise ValidationError(problems)
    return content


def _visible(name: object) -> str:
    """As a page can say it: JSON can name what UTF-8 cannot."""
    return str(name)[:60].encode(errors="replace").decode()


def _read_field(name: str, value: object) -> Any:
    if name == "example_prompts":
        return check_example_prompts(value or [])
    if name == "few_shot_turns":
        return check_few_shot_turns(value or [])
    if name == "model":
        return _text(value, most=200) or None
    if name in TEXTS:
        column = column_of(name)
        text = _text(value, most=column.max_length or 0)
        return column.clean(one_line(text) if name == "name" else text.strip(), None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValidationError(_("This has to be a number."))
    if not -FARTHEST < value < FARTHEST:  # nor NaN, which no range excludes
        raise ValidationError(_("This has to be a number."))
    if name == "max_tokens" and value != int(value):
        raise ValidationError(_("This has to be a whole number."))
    return column_of(name).clean(value, None)


def column_of(name: str) -> models.Field[Any, Any]:
    return cast("models.Field[Any, Any]", RolePreset._meta.get_field(name))


def _text(value: object, *, most: int) -> str:
    """As it can be stored, with the line ends that are stored."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValidationError(_("This has to be a text."))
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > most:
        raise ValidationError(_("At most %(limit)s characters.") % {"limit": most})
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError(_("This contains characters that cannot be stored.")) from None
    if "\x00" in text:
        raise ValidationError(_("This contains characters that cannot be stored."))
    return text


def check_example_prompts(value: object) -> list[str]:
    """Texts, none of them blank. Raises ValidationError."""
    if not isinstance(value, list):
        raise ValidationError(_("This has to be a list of texts."))
    if len(value) > MOST_EXAMPLES:
        raise ValidationError(_("At most %(limit)s example prompts.") % {"limit": MOST_EXAMPLES})
    prompts = [
        " ".join(_text(prompt, most=LONGEST_EXAMPLE).splitlines()).strip() for prompt in value
    ]
    return [prompt for prompt in prompts if prompt]


def check_few_shot_turns(value: object) -> list[dict[str, str]]:
    """Questions and answers in turn, each with text: what endpoints accept before the real question."""
    if not isinstance(value, list) or not all(_is_turn(turn) for turn in value):
        raise ValidationError(
            _(
                'Write a list such as [{"role": "user", "content": "…"},'
                ' {"role": "assistant", "content": "…"}].'
            )
        )
    if len(value) > 2 * MOST_PAIRS:
        raise ValidationError(
            _("At most %(limit)s questions with their answers.") % {"limit": MOST_PAIRS}
        )
    if [turn["role"] for turn in value] != ["user", "assistant"] * (len(value) // 2):
        raise ValidationError(
            _("Begin with the user, let both speak in turn, end with the assistant.")
        )
    return [
        {"role": turn["role"], "content": _text(turn["content"], most=LONGEST_TURN)}
        for turn in value
    ]


def _is_turn(turn: object) -> bool:
    return (
        isinstance(turn, dict)
        and set(turn) == {"role", "content"}
        and turn["role"] in ("user", "assistant")  # no set: a list cannot be looked up in one
        and isinstance(turn["content"], str)
        and bool(turn["content"].strip())
    )
