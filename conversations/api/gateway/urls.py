from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("models", views.models, name="models"),
    path("models/<path:name>", views.model, name="model"),
    path("chat/completions", views.chat_completions, name="chat-completions"),
    path("", views.unknown, name="nothing"),
    path("<path:rest>", views.unknown, name="unknown"),
]
