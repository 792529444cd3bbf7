"""The sampling parameters as people set them: what each is called, its range, and values read from a request.

Ranges are those of the columns of `models.Sampling`. An empty value means the role preset's, else the model's default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .errors import InvalidParameter
from .models import Sampling

Values = Mapping[str, float | int | None]


@dataclass(frozen=True)
class Parameter:
    """One of them. step: what one press of an arrow key changes. usual: where most endpoints begin."""

    name: str
    label: str | Promise
    hint: str | Promise
    minimum: int
    maximum: int
    step: str
    usual: int | None

    @property
    def is_whole(self) -> bool:
        return self.name == "max_tokens"

    def read(self, value: object) -> float | int | None:
        """The number that a request gives, None for an empty value. Raises InvalidParameter."""
        if value is None or value == "":
            return None
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ValueError
            number = float(value)
        except (ValueError, OverflowError):
            raise self.refusal() from None
        is_in_range = math.isfinite(number) and self.minimum <= number <= self.maximum
        if not is_in_range or (self.is_whole and number != int(number)):
            raise self.refusal()
        return int(number) if self.is_whole else number

    def refusal(self) -> InvalidParameter:
        return InvalidParameter(self.range_sentence, field=self.name)

    @property
    def range_sentence(self) -> str:
        sentence = (
            _("%(name)s has to be a whole number from %(least)s to %(most)s.")
            if self.is_whole
            else _("%(name)s has to be a number from %(least)s to %(most)s.")
        )
        return sentence % {"name": self.label, "least": self.minimum, "most": self.maximum}


def _parameter(
    name: str, label: str | Promise, hint: str | Promise, *, step: str, usual: int | None = None
) -> Parameter:
    least, most = 0, 0
    for validator in Sampling._meta.get_field(name).validators:  # type: ignore[union-attr]
        if isinstance(validator, MinValueValidator):
            least = validator.limit_value
        elif isinstance(validator, MaxValueValidator):
            most = validator.limit_value
    return Parameter(name, label, hint, least, most, step, usual)


PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        _parameter(
            "temperature",
            gettext_lazy("Temperature"),
            gettext_lazy("Low: to the point. High: more varied."),
            step="0.1",
            usual=1,
        ),
        _parameter(
            "top_p",
            gettext_lazy("Top p"),
            gettext_lazy("Lower: only the likeliest words. Change this or the temperature."),
            step="0.05",
            usual=1,
        ),
        _parameter(
            "max_tokens",
            gettext_lazy("Longest answer"),
            gettext_lazy("In tokens; a word has one or two."),
            step="1",
        ),
        _parameter(
            "presence_penalty",
            gettext_lazy("Presence penalty"),
            gettext_lazy("Higher: turns to new subjects."),
            step="0.1",
            usual=0,
        ),
        _parameter(
            "frequency_penalty",
            gettext_lazy("Frequency penalty"),
            gettext_lazy("Higher: repeats itself less."),
            step="0.1",
            usual=0,
        ),
    )
}


def read_parameters(fields: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Those that a request names, each in its range; None for an empty one. Raises InvalidParameter."""
    return {
        name: parameter.read(
            fields[name].strip() if isinstance(fields[name], str) else fields[name]
        )
        for name, parameter in PARAMETERS.items()
        if name in fields
    }
