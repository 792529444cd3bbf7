"""Rows of a query, a few at a time: only their keys are held all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def rows_of(query: QuerySet[Row], *, at_once: int) -> Iterator[Row]:
    """In the query's order. No transaction or cursor is open between two steps; what has gone meanwhile is left out."""
    return rows_with(query, list(query.values_list("pk", flat=True)), at_once=at_once)


def rows_with(query: QuerySet[Row], keys: Sequence[Any], *, at_once: int) -> Iterator[Row]:
    """Those of the query with these keys, in their order."""
    for start in range(0, len(keys), at_once):
        some = keys[start : start + at_once]
        found = query.in_bulk(some)
        yield from (found[key] for key in some if key in found)
