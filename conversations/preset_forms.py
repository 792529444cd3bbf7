"""The form of a role preset, which works without scripts, and the one that takes a file of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import ChatModel, RolePreset, Sampling
from .names import one_line
from .preset_content import LONGEST_TURN, MOST_PAIRS, check_example_prompts

# On telephones; neither of the two has a minus.
KEYBOARDS = {"temperature": "decimal", "top_p": "decimal", "max_tokens": "numeric"}

if TYPE_CHECKING:
    PresetFormBase = forms.ModelForm[RolePreset]
    TurnFormSetBase = forms.BaseFormSet["TurnForm"]
else:
    PresetFormBase = forms.ModelForm
    TurnFormSetBase = forms.BaseFormSet


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("JSON from an export, or CSV with the columns act and prompt."),
        widget=forms.FileInput(attrs={"accept": ".json,.csv,application/json,text/csv"}),
    )


class ProseField(forms.CharField):
    """Text of several lines. Browsers send line ends as CR LF but count them as one character; so does this."""

    def __init__(self, *, rows: int = 3, **options: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows, "dir": "auto"}), **options)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n").replace("\r", "\n")


class TurnForm(forms.Form):
    """A question and the answer to it. Both blank: there is no such example."""

    question = ProseField(label=gettext_lazy("Question"), max_length=LONGEST_TURN, required=False)
    answer = ProseField(label=gettext_lazy("Answer"), max_length=LONGEST_TURN, required=False)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        question, answer = data.get("question", ""), data.get("answer", "")
        if question and not answer and "answer" not in self.errors:
            self.add_error("answer", _("Write the answer to this question, or clear both."))
        if answer and not question and "question" not in self.errors:
            self.add_error("question", _("Write the question to this answer, or clear both."))
        return data


class TurnForms(TurnFormSetBase):
    def turns(self) -> list[dict[str, str]]:
        """What is stored: users' and assistant's turns. After `is_valid`."""
        roles = (("user", "question"), ("assistant", "answer"))
        return [
            {"role": role, "content": form.cleaned_data[name]}
            for form in self
            if form.cleaned_data.get("question")
            for role, name in roles
        ]


TurnFormSet = cast(
    "type[TurnForms]",
    forms.formset_factory(
        TurnForm, formset=TurnForms, extra=1, max_num=MOST_PAIRS, validate_max=True
    ),
)


class PresetForm(PresetFormBase):
    """models: those the person may choose from. turns: the forms of its example turns, checked and saved with it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("What it is good for, in a line."),
    )
    instruction = ProseField(
        label=gettext_lazy("Instruction"),
        max_length=20_000,
        rows=10,
        help_text=gettext_lazy(
            "What the model is told before each conversation. Names in double braces, such as {{topic}},"
            " are asked for when a chat begins."
        ),
    )
    greeting = forms.CharField(
        label=gettext_lazy("Greeting"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("What an empty chat says."),
    )
    example_prompts = ProseField(
        label=gettext_lazy("Example prompts"),
        required=False,
        rows=4,
        help_text=gettext_lazy("One per line. The first four are shown in an empty chat."),
    )

    GROUPS: Mapping[str, Sequence[str]] = {
        "about": ("icon", "name", "description"),
        "words": ("instruction",),
        "beginning": ("greeting", "example_prompts"),
        "parameters": ("model", *Sampling.NAMES),
        "sharing": ("shared",),
    }

    class Meta:
        model = RolePreset
        fields = (
            "icon",
            "name",
            "description",
            "instruction",
            "greeting",
            "example_prompts",
            "model",
            *Sampling.NAMES,
            "shared",
        )
        labels = {"shared": gettext_lazy("Share it with everyone on this site")}
        help_texts = {
            "shared": gettext_lazy(
                "They see your name beside it, can use and duplicate it, and cannot change it."
            ),
            "max_tokens": gettext_lazy("In tokens, 1 to 1,000,000."),
            "model": "",
        }
        # Not of the type number: what a browser takes for none, it sends as nothing.
        widgets: ClassVar[dict[str, forms.Widget]] = {
            name: forms.TextInput(attrs={"inputmode": KEYBOARDS.get(name, "text")})
            for name in Sampling.NAMES
        }

    def __init__(
        self, data: Any = None, *, models: Sequence[ChatModel], initial: Any = None, **options: Any
    ) -> None:
        preset: RolePreset = options["instance"]
        # What was typed into a form that is shown again unchecked comes as `initial`.
        stored = {"example_prompts": "\n".join(preset.example_prompts)}
        super().__init__(data, initial={**stored, **(initial or {})}, **options)
        offered = [model.pk for model in models]
        field = self.fields["model"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 (tells the type checker)
        field.queryset = ChatModel.objects.filter(pk__in=[*offered, preset.model_id])
        field.empty_label = _("The user's own choice")
        pairs = _pairs(preset.few_shot_turns) if initial is None else _typed_pairs(initial)
        # Not with data: a pair like the stored one would count as unchanged, and as blank.
        self.turns = TurnFormSet(data, initial=pairs if data is None else None, prefix="turns")

    def clean_name(self) -> str:
        field = self.fields["name"]
        name: str = field.clean(one_line(self.cleaned_data["name"]))
        return name

    def clean_icon(self) -> str:
        icon: str = self.cleaned_data["icon"]
        if any(character.isalnum() or character.isspace() for character in icon):
            raise ValidationError(_("Use one emoji, or leave it empty."))
        return icon

    def clean_example_prompts(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["example_prompts"].splitlines()]
        return check_example_prompts([line for line in lines if line])

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.turns.is_valid()])

    def focus_first_error(self) -> None:
        """The page, once shown, begins where something is wrong."""
        groups = self.groups()
        before = [*groups["about"], *groups["words"], *groups["beginning"]]
        turns = [field for form in self.turns for field in form]
        after = [*groups["parameters"], *groups["sharing"]]
        first = next((field for field in [*before, *turns, *after] if field.errors), None)
        if first is not None:
            first.field.widget.attrs["autofocus"] = True

    def as_written(self) -> RolePreset:
        """The row as the valid form says, for `presets.save_preset`."""
        self.instance.few_shot_turns = self.turns.turns()
        return self.instance

    def groups(self) -> dict[str, list[forms.BoundField]]:
        """The fields as the page groups them."""
        return {name: [self[field] for field in fields] for name, fields in self.GROUPS.items()}

    @property
    def uses_parameters(self) -> bool:
        """Whether that part of the page has anything in it to see at once."""
        return any(
            field.errors or field.value() not in {None, ""} for field in self.groups()["parameters"]
        )

    @property
    def uses_turns(self) -> bool:
        return self.turns.is_bound or bool(self.turns.initial)


def _pairs(turns: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    texts = [turn["content"] for turn in turns]
    return [
        {"question": question, "answer": answer}
        for question, answer in zip(texts[::2], texts[1::2], strict=False)
    ]


def _typed_pairs(typed: Mapping[str, Any]) -> list[dict[str, str]]:
    """As they were typed, before there is one more."""
    pairs = [
        {name: str(typed.get(f"turns-{number}-{name}", "")) for name in ("question", "answer")}
        for number in range(MOST_PAIRS)
    ]
    while pairs and not any(text.strip() for text in pairs[-1].values()):
        pairs.pop()
    return pairs
