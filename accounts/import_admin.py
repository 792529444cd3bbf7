"""People from a CSV file, in the admin: what `import_users` does, for a file that a request can wait for."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from . import first_passwords, user_import
from .models import User
from .user_import import Person, Problem, UnusableFile

logger = logging.getLogger(__name__)

MOST_ROWS = 1_000  # whose passwords are hashed within a minute
MOST_BYTES = 500_000


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        allow_empty_file=True,  # what to do about it is told by who reads it
        help_text=_(
            "In UTF-8 or GB18030, with the columns username and password and, if wanted, email, plan, group, language"
            " and is_active. Who gets no password gets a link to choose one; those given have to be as strong as those"
            " that people choose. An existing user is updated; an empty cell changes nothing. One bad row, and nothing"
            " is written."
        ),
    )
    dry_run = forms.BooleanField(label=_("Check only, write nothing"), required=False)

    def clean(self) -> dict[str, Any]:
        """Puts `people` and `problems` beside the fields."""
        data = super().clean() or {}
        if "file" in data:
            try:
                data["people"], data["problems"] = _read(data["file"])
            except UnusableFile as error:
                self.add_error("file", str(error))
        return data


def _read(file: Any) -> tuple[list[Person], list[Problem]]:
    if file.size <= MOST_BYTES:
        rows = [*islice(user_import.read_rows(file.read()), MOST_ROWS + 1)]
        if len(rows) <= MOST_ROWS:
            return user_import.check(rows)
    raise ValidationError(
        _(
            "More than %(rows)d rows or %(size)d kB are for the command: manage.py import_users FILE."
        ),
        params={"rows": MOST_ROWS, "size": MOST_BYTES // 1000},
    )


@sensitive_variables()
def import_users(request: HttpRequest) -> HttpResponse:
    """For administrators: a file may name anybody, also them."""
    if not request.user.is_superuser:
        raise PermissionDenied
    form = ImportForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    context: dict[str, Any] = {
        "form": form,
        "title": _("Import users"),
        "opts": User._meta,
    }
    if form.is_valid():
        data = form.cleaned_data
        context |= {"problems": data["problems"], "dry_run": data["dry_run"]}
        if not data["problems"]:
            context |= _result(request, data["people"], dry_run=data["dry_run"])
    status = 400 if form.errors or context.get("problems") or context.get("taken") else 200
    context = {**admin.site.each_context(request), **context}
    return render(request, "admin/accounts/user/import.html", context, status=status)


def _result(request: HttpRequest, people: list[Person], *, dry_run: bool) -> dict[str, Any]:
    created = sum(person.is_new for person in people)
    context: dict[str, Any] = {
        "created": created,
        "updated": len(people) - created,
        "is_done": True,
    }
    if dry_run:
        return context
    user_import.hash_passwords(people)
    try:
        user_import.save(people, request=request)
    except IntegrityError:
        return {"taken": True}
    base_url = request.build_absolute_uri("/").rstrip("/")
    links = [*first_passwords.links_for(user_import.without_password(people), base_url=base_url)]
    try:
        mailed = first_passwords.mail_links(links)
    except OSError:
        logger.warning("Links to choose a password could not be mailed.", exc_info=True)
        mailed = 0
    unmailed = bool(settings.EMAIL_URL) and not mailed and any(one.user.email for one in links)
    return {**context, "links": links, "mailed": mailed, "unmailed": unmailed}
