"""The transaction in which a request writes. What it names may have been deleted since it was looked up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models import Model

from accounts.models import User

from .errors import JustDeleted

FOREIGN_KEY_VIOLATION = "23503"  # PostgreSQL's code


@contextmanager
def writing() -> Iterator[None]:
    """All or nothing. Raises JustDeleted if a row that is named has gone meanwhile."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if not _names_what_is_gone(error):
            raise
        raise JustDeleted from error


def _names_what_is_gone(error: IntegrityError) -> bool:
    code = getattr(error.__cause__, "sqlstate", None)
    return code == FOREIGN_KEY_VIOLATION or str(error).startswith("FOREIGN KEY")


def one_at_a_time(user: User) -> None:
    """Until the transaction ends nobody else gets past this for the same person: what has been counted stays true."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))


def lock(row: Model) -> None:
    """Before it is deleted: who names it meanwhile waits and is refused, instead of making the deletion fail."""
    list(type(row)._default_manager.select_for_update().filter(pk=row.pk).values_list("pk"))
