"""What the drawer beside the composer shows: the parameters that the model takes, as they are or were typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..models import ChatModel, Conversation, RolePreset
from ..parameters import PARAMETERS, Parameter
from ..variables import variables_in


@dataclass(frozen=True)
class ParameterField:
    """One parameter. value: as it is stored or was typed; default: what counts while it is empty, if that is known."""

    parameter: Parameter
    value: str
    default: str
    most: int
    error: str = ""

    @property
    def place(self) -> str:
        """Where its slider stands without a value."""
        return self.default or number(self.parameter.usual)


@dataclass(frozen=True)
class Variable:
    """One of the role's `{{variables}}` and what it stands for so far."""

    name: str
    value: str


@dataclass(frozen=True)
class Drawer:
    """fields: those the current model takes. refused: the names of the others."""

    fields: tuple[ParameterField, ...]
    refused: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many differ from their defaults."""
        return sum(bool(field.value) for field in self.fields)

    @property
    def is_wrong(self) -> bool:
        return any(field.error for field in self.fields)


def drawer_of(
    model: ChatModel,
    preset: RolePreset | None,
    shown: Conversation | None,
    typed: Mapping[str, Any],
    errors: Mapping[str, str],
) -> Drawer:
    """typed: what an address or a refused form says, before what is stored. errors: sentences by field."""
    stored = shown.parameters() if shown else {}
    preset_says = preset.parameters() if preset else {}
    refused = set(model.dropped_parameters or [])
    fields = []
    for name, parameter in PARAMETERS.items():
        if name in refused:
            continue
        default, most = preset_says.get(name), parameter.maximum
        if name == "max_tokens":
            most = min(most, model.max_output_tokens)
            default = min(default or most, most)
        text = typed.get(name)
        fields.append(
            ParameterField(
                parameter,
                value=text if isinstance(text, str) else number(stored.get(name)),
                default=number(default),
                most=most,
                error=errors.get(name, ""),
            )
        )
    return Drawer(
        fields=tuple(fields),
        refused=tuple(str(PARAMETERS[name].label) for name in PARAMETERS if name in refused),
    )


def variables_of(
    preset: RolePreset | None, shown: Conversation | None, typed: Mapping[str, Any]
) -> list[Variable]:
    """What the role asks for. typed: as for the parameters, in fields named `variable_<name>`."""
    stored = shown.preset_variables if shown else {}
    values = {
        name: typed.get(f"variable_{name}", stored.get(name, ""))
        for name in variables_in(preset.instruction if preset else "")
    }
    return [
        Variable(name, value if isinstance(value, str) else "") for name, value in values.items()
    ]


def number(value: float | int | None) -> str:
    """As one types it: 1 and not 1.0; empty for None."""
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else str(value)
