from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("models", views.models, name="models"),
    path("models/<path:name>", views.model, name="model"),
    path("chat/completions", views.chat_completions, name="chat-completions"),
    path("responses", views.responses, name="responses"),
    path("embeddings", views.embeddings, name="embeddings"),
    path("images/generations", views.images, name="images"),
    path("audio/speech", views.speech, name="speech"),
    path("audio/transcriptions", views.transcriptions, name="transcriptions"),
    path("", views.unknown, name="nothing"),
    path("<path:rest>", views.unknown, name="unknown"),
]
