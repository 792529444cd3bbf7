"""Endpoints, models and role presets to edit; conversations as numbers. No page here shows what anyone wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

import accounts.admin
from accounts.admin import list_of_names, make_only_default
from accounts.models import Plan
from accounts.read_only import ReadOnly

from . import catalogue, model_lists, presets
from .models import ChatModel, Conversation, Endpoint, Message, RolePreset
from .preset_content import check_example_prompts, check_few_shot_turns
from .writing import lock

if TYPE_CHECKING:
    ChoiceAdminBase = admin.ModelAdmin[Any]
    ConversationAdminBase = admin.ModelAdmin[Conversation]
    ChatModelFormBase = forms.ModelForm[ChatModel]
    RolePresetFormBase = forms.ModelForm[RolePreset]
else:
    ChoiceAdminBase = ConversationAdminBase = admin.ModelAdmin
    ChatModelFormBase = RolePresetFormBase = forms.ModelForm


class ChoiceAdmin(ChoiceAdminBase):
    """What conversations choose. Locked before it is deleted: who chooses it meanwhile is refused."""

    def delete_model(self, request: HttpRequest, obj: Endpoint | ChatModel | RolePreset) -> None:
        with transaction.atomic():
            lock(obj)
            if isinstance(obj, Endpoint):
                list(obj.chat_models.select_for_update().order_by("pk").values_list("pk"))
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)


@admin.register(Endpoint)
class EndpointAdmin(ChoiceAdmin):
    list_display = ("name", "base_url", "key_variable", "source", "enabled")
    readonly_fields = ("source",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    actions = ("read_models",)

    @admin.action(
        description=_("Read the models of the selected endpoints"), permissions=["change"]
    )
    def read_models(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        """New models are added; those that are known stay as they are."""
        added = model_lists.read_endpoint_models(endpoints=queryset)
        for endpoint in queryset:
            if endpoint.name in added:
                text = _("%(endpoint)s: %(count)d models added.")
                values = {"endpoint": endpoint.name, "count": added[endpoint.name]}
                messages.success(request, text % values)
            else:
                text = _("%(endpoint)s did not answer with its models. The log says why.")
                messages.error(request, text % {"endpoint": endpoint.name})


class ChatModelForm(ChatModelFormBase):
    def clean_dropped_parameters(self) -> list[str]:
        return list_of_names(self.cleaned_data["dropped_parameters"] or [])


@admin.register(ChatModel)
class ChatModelAdmin(ChoiceAdmin):
    form = ChatModelForm
    list_display = (
        "name",
        "label",
        "endpoint",
        "service",
        "enabled",
        "is_default",
        "context_window",
        "max_output_tokens",
        "price_in",
        "price_out",
    )
    list_filter = ("endpoint", "service", "enabled")
    list_select_related = ("endpoint",)
    search_fields = ("name", "label")
    readonly_fields = ("is_default",)
    actions = ("make_default",)

    @admin.action(description=_("Make the selected model the default"), permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[ChatModel]) -> None:
        make_only_default(self, request, queryset)


admin.site.unregister(Plan)


@admin.register(Plan)
class PlanAdmin(accounts.admin.PlanAdmin):
    """Here it is known which models there are."""

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        offered = {model.name for model in catalogue.on_offer(None)}
        missing = [name for name in obj.allowed_models if name not in offered]
        if missing:
            text = _("No endpoint offers %(models)s. The plan allows it as soon as one does.")
            messages.warning(request, text % {"models": ", ".join(missing)})


class RolePresetForm(RolePresetFormBase):
    def clean_example_prompts(self) -> list[str]:
        return check_example_prompts(list_of_names(self.cleaned_data["example_prompts"] or []))

    def clean_few_shot_turns(self) -> list[dict[str, str]]:
        return check_few_shot_turns(self.cleaned_data["few_shot_turns"] or [])


@admin.register(RolePreset)
class RolePresetAdmin(ChoiceAdmin):
    """The site's presets. A person's own are theirs."""

    form = RolePresetForm
    exclude = ("owner", "shared")
    list_display = ("name", "slug", "language", "icon", "description", "enabled", "position")
    list_filter = ("language", "enabled")
    search_fields = ("name", "slug", "description")
    ordering = ("language", "position", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RolePreset]:
        return super().get_queryset(request).filter(owner=None)

    def save_model(self, request: HttpRequest, obj: RolePreset, form: Any, change: bool) -> None:
        """With a version, as when a person saves one of their own."""
        presets.save_preset(obj)

    def view_on_site(self, obj: RolePreset) -> str:
        """Its page, which leads to its versions."""
        return reverse("conversations:preset", args=[obj.pk])


def _number_of_messages(**conditions: str) -> Coalesce:
    """Counted for the rows of a page only: joined and grouped, all messages of the site would be."""
    messages_of = Message.objects.filter(conversation=OuterRef("pk"), **conditions).order_by()
    counted = messages_of.values("conversation").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)


NUMBERS = ("id", "owner", "created_at", "active_at", "archived")  # columns in which nobody writes


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, ConversationAdminBase):
    """Numbers only: a title is the first line of what someone wrote, so it is text too."""

    fields = (
        "id",
        "owner",
        "message_count",
        "good_answers",
        "bad_answers",
        "created_at",
        "active_at",
        "archived",
    )
    list_display = (
        "id",
        "owner",
        "message_count",
        "good_answers",
        "bad_answers",
        "created_at",
        "active_at",
    )
    list_filter = ("active_at",)
    list_select_related = ("owner",)
    search_fields = ("=id", "owner__username")
    ordering = ("-active_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        return (
            super()
            .get_queryset(request)
            .filter(deleted_at=None)
            .defer("title")
            .annotate(
                number_of_messages=_number_of_messages(),
                number_of_good=_number_of_messages(feedback=Message.Feedback.UP),
                number_of_bad=_number_of_messages(feedback=Message.Feedback.DOWN),
            )
        )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """An address such as `?title__startswith=a` would tell, by what it lists, what people wrote."""
        column = lookup.partition("__")[0]
        return column in NUMBERS and super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("messages"), ordering="number_of_messages")
    def message_count(self, conversation: Any) -> int:
        return int(conversation.number_of_messages)

    @admin.display(description=_("good answers"), ordering="number_of_good")
    def good_answers(self, conversation: Any) -> int:
        return int(conversation.number_of_good)

    @admin.display(description=_("bad answers"), ordering="number_of_bad")
    def bad_answers(self, conversation: Any) -> int:
        return int(conversation.number_of_bad)
