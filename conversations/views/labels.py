"""A person's folders and tags: make, rename, delete. The conversations stay."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from chatsite.views import see_other, wants_json

from .. import access, organizing
from ..forms import fields_of, text_field
from ..models import Folder, Tag
from .replies import owner, refusals, signed_in


@require_POST
@signed_in
@refusals
def make(request: HttpRequest, kind: type[Folder] | type[Tag]) -> HttpResponseBase:
    """The one of that name, if there is one already."""
    name = text_field(fields_of(request), "name")
    if kind is Folder:
        return _shown(request, organizing.make_label(Folder, owner(request), name), status=201)
    return _shown(request, organizing.make_label(Tag, owner(request), name), status=201)


@require_POST
@signed_in
@refusals
def rename_folder(request: HttpRequest, folder_id: UUID) -> HttpResponseBase:
    return _rename(request, access.get_folder(owner(request), folder_id))


@require_POST
@signed_in
@refusals
def rename_tag(request: HttpRequest, tag_id: UUID) -> HttpResponseBase:
    return _rename(request, access.get_tag(owner(request), tag_id))


@require_POST
@signed_in
def delete_folder(request: HttpRequest, folder_id: UUID) -> HttpResponseBase:
    return _delete(request, access.get_folder(owner(request), folder_id))


@require_POST
@signed_in
def delete_tag(request: HttpRequest, tag_id: UUID) -> HttpResponseBase:
    return _delete(request, access.get_tag(owner(request), tag_id))


def _rename(request: HttpRequest, label: Folder | Tag) -> HttpResponseBase:
    organizing.rename_label(label, text_field(fields_of(request), "name"))
    return _shown(request, label)


def _delete(request: HttpRequest, label: Folder | Tag) -> HttpResponseBase:
    organizing.delete_label(label)
    if wants_json(request):
        return HttpResponse(status=204)
    return see_other(reverse("conversations:overview"))


def _shown(request: HttpRequest, label: Folder | Tag, status: int = 200) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"id": label.pk, "name": label.name}, status=status)
    kind = "folder" if isinstance(label, Folder) else "tag"
    return see_other(f"{reverse('conversations:overview')}?{kind}={label.pk}")
