from __future__ import annotations

from django.urls import path

from .views import (
    lists,
    messages,
    organizing,
    pages,
    preset_files,
    preset_versions,
    presets,
    stream,
)

app_name = "conversations"
urlpatterns = [
    path("", pages.new, name="new"),
    path("c/", messages.send, name="send"),
    path("c/<uuid:conversation_id>/", pages.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/messages/", messages.send_in, name="send-in"),
    path("c/<uuid:conversation_id>/stop/", messages.stop_all, name="stop"),
    path("c/<uuid:conversation_id>/rename/", organizing.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", organizing.delete, name="delete"),
    path("c/<uuid:conversation_id>/restore/", organizing.restore, name="restore"),
    path("c/<uuid:conversation_id>/menu/", organizing.menu, name="menu"),
    path("c/<uuid:conversation_id>/settings/", messages.settings, name="settings"),
    path("c/<uuid:conversation_id>/leaf/", messages.leaf, name="leaf"),
    path("c/<uuid:conversation_id>/branch/", messages.branch, name="branch"),
    path("conversations/list/", lists.rows, name="list"),
    path("conversations/restore/", organizing.restore_many, name="restore-many"),
    path("conversations/delete-all/", organizing.delete_all, name="delete-all"),
    path("completions/<uuid:completion_id>/", stream.completion, name="completion"),
    path(
        "completions/<uuid:completion_id>/events/",
        stream.completion_events,
        name="completion-events",
    ),
    path("completions/<uuid:completion_id>/stop/", messages.stop, name="completion-stop"),
    path(
        "completions/<uuid:completion_id>/regenerate/",
        messages.regenerate,
        name="completion-regenerate",
    ),
    path(
        "completions/<uuid:completion_id>/continue/",
        messages.continue_,
        name="completion-continue",
    ),
    path("shortcuts/", pages.shortcuts, name="shortcuts"),
    path("messages/<uuid:message_id>/", pages.message, name="message"),
    path("presets/", presets.gallery, name="presets"),
    path("presets/new/", presets.new, name="preset-new"),
    path("presets/import/", preset_files.import_, name="preset-import"),
    path("presets/export/", preset_files.export_all, name="presets-export"),
    path("presets/<uuid:preset_id>/export/", preset_files.export, name="preset-export"),
    path("presets/<uuid:preset_id>/", presets.preset, name="preset"),
    path("presets/<uuid:preset_id>/delete/", presets.delete, name="preset-delete"),
    path("presets/<uuid:preset_id>/duplicate/", presets.duplicate, name="preset-duplicate"),
    path("presets/<uuid:preset_id>/versions/", preset_versions.versions, name="preset-versions"),
    path(
        "presets/<uuid:preset_id>/versions/<int:number>/restore/",
        preset_versions.restore,
        name="preset-restore",
    ),
    path("messages/<uuid:message_id>/feedback/", messages.feedback, name="feedback"),
]
