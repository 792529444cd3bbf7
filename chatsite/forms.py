"""How forms are rendered."""

from __future__ import annotations

from typing import Any

from django.forms import BoundField
from django.forms.renderers import DjangoTemplates
from django.forms.widgets import Widget


class LabelledField(BoundField):
    """A field whose label says what it is; a placeholder would say it again, and go when one types."""

    def build_widget_attrs(
        self, attrs: dict[str, Any], widget: Widget | None = None
    ) -> dict[str, Any]:
        built: dict[str, Any] = super().build_widget_attrs(attrs, widget)
        return {**built, "placeholder": False}


class Renderer(DjangoTemplates):
    bound_field_class = LabelledField
