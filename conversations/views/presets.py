"""The role presets and what new chats begin with."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import quotas
from chatsite.views import see_other

from .. import catalogue
from ..forms import fields_of, text_field
from .choices import model_choice, preset_choice
from .pages import language, owner
from .replies import refusals, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@refusals
def gallery(request: HttpRequest) -> HttpResponseBase:
    """The role presets, and what a new chat begins with."""
    user = owner(request)
    limits = quotas.limits_of(user)
    if request.method == "POST":
        fields = fields_of(request)
        model = text_field(fields, "default_model").strip()
        preset = text_field(fields, "default_preset").strip()
        if model:
            catalogue.choose_model(model, limits=limits)
        catalogue.choose_preset(user, preset, language())
        user.default_model, user.default_preset = model, preset
        user.save(update_fields=["default_model", "default_preset"])
        messages.success(request, _("New chats now begin with this."))
        return see_other(reverse("conversations:presets"))
    context = {
        "presets": [
            preset_choice(one, is_current=catalogue.preset_key(one) == user.default_preset)
            for one in catalogue.presets_for(user, language())
        ],
        "models": [
            model_choice(model, is_current=model.name == user.default_model)
            for model in catalogue.offered(limits)
        ],
    }
    return render(request, "conversations/presets.html", context)
