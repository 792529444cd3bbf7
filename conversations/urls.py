from __future__ import annotations

from django.urls import path

from .api import chatapi
from .api.rest.entry import rest
from .models import Folder, Tag
from .views import (
    labels,
    lists,
    messages,
    organizing,
    pages,
    preset_files,
    preset_versions,
    presets,
    receipts,
    selected,
    stream,
)

app_name = "conversations"
urlpatterns = [
    path("token", chatapi.give_pass, name="chatapi-pass"),  # no slash: as its clients know them
    path("api", chatapi.ask, name="chatapi-ask"),
    path("", pages.new, name="new"),
    path("c/", messages.send, name="send"),
    path("c/<uuid:conversation_id>/", pages.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/messages/", messages.send_in, name="send-in"),
    path("c/<uuid:conversation_id>/stop/", messages.stop_all, name="stop"),
    path("c/<uuid:conversation_id>/rename/", organizing.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", organizing.delete, name="delete"),
    path("c/<uuid:conversation_id>/restore/", organizing.restore, name="restore"),
    path("c/<uuid:conversation_id>/pin/", organizing.pin, name="pin"),
    path("c/<uuid:conversation_id>/archive/", organizing.archive, name="archive"),
    path("c/<uuid:conversation_id>/folder/", organizing.put_in_folder, name="folder"),
    path("c/<uuid:conversation_id>/tags/", organizing.tag, name="tags"),
    path("c/<uuid:conversation_id>/menu/", organizing.menu, name="menu"),
    path("c/<uuid:conversation_id>/settings/", messages.settings, name="settings"),
    path("c/<uuid:conversation_id>/leaf/", messages.leaf, name="leaf"),
    path("c/<uuid:conversation_id>/branch/", messages.branch, name="branch"),
    path("conversations/", lists.overview, name="overview"),
    path("conversations/running/", lists.running, name="running"),
    path("conversations/search/", lists.search, name="search-titles"),
    path("conversations/palette/", lists.palette, name="palette"),
    path("conversations/selected/", selected.act, name="selected"),
    path("folders/", labels.make, {"kind": Folder}, name="make-folder"),
    path("folders/<uuid:folder_id>/rename/", labels.rename_folder, name="rename-folder"),
    path("folders/<uuid:folder_id>/delete/", labels.delete_folder, name="delete-folder"),
    path("tags/", labels.make, {"kind": Tag}, name="make-tag"),
    path("tags/<uuid:tag_id>/rename/", labels.rename_tag, name="rename-tag"),
    path("tags/<uuid:tag_id>/delete/", labels.delete_tag, name="delete-tag"),
    path("conversations/list/", lists.rows, name="list"),
    path("conversations/restore/", organizing.restore_many, name="restore-many"),
    path("conversations/restore-all/", organizing.restore_all, name="restore-all"),
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
    path("messages/<uuid:message_id>/receipt/", receipts.receipt, name="receipt"),
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
    path("api/v1/", rest, name="rest"),
    path("api/v1/<path:path>", rest, name="rest"),
]
