"""Queries that are written once and run many times.

The ORM takes about a millisecond to write a query that the database answers in a twentieth of one. Where every answer
waits for several of them they are written by the ORM as everywhere, but with `Parameter`s, and only the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper as Database
from django.db.models import AutoField, Field, Model, QuerySet, Value
from django.db.models.query import get_related_populators
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Written:
    """conversions: of a row's columns, by place. make: what a converted row becomes."""

    text: str
    values: Sequence[object]
    conversions: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]] = ()
    make: Callable[[list[Any]], Any] = tuple


class Parameter(Value):
    """A value that is given each time the query is run, under a name; it is prepared as that field's."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(name, output_field)

    def as_sql(self, compiler: SQLCompiler, connection: Database) -> Any:
        return "%s", [self]


def parameter(model: type[Model], column: str, name: str = "") -> Parameter:
    """A parameter of that column's type, under the column's name or its own."""
    found: Any = model._meta.get_field(column)
    return Parameter(name or column, found.target_field if found.is_relation else found)


@dataclass(eq=False)
class _Statement:
    """Written when it is first run against a kind of database. Safe to share between threads."""

    written: dict[str, Written] = field(default_factory=dict, init=False, repr=False)

    def write(self, database: Database) -> Written:
        raise NotImplementedError

    def _statement(self, database: Database) -> Written:
        statement = self.written.get(database.vendor)
        if statement is None:
            statement = self.written[database.vendor] = self.write(database)
        return statement

    def _execute(self, database: Database, cursor: Any, values: dict[str, object]) -> Written:
        statement = self._statement(database)
        cursor.execute(statement.text, _bound(statement, values, database))
        return statement


def _bound(statement: Written, values: dict[str, object], database: Database) -> list[Any]:
    return [
        value.output_field.get_db_prep_value(values[value.value], database)
        if isinstance(value, Parameter)
        else value
        for value in statement.values
    ]


@dataclass(eq=False)
class _Change(_Statement):
    """Of rows that are there. Returns how many there were."""

    def __call__(self, **values: object) -> int:
        database = connections[DEFAULT_DB_ALIAS]
        with database.cursor() as cursor:
            self._execute(database, cursor, values)
            return int(cursor.rowcount)


@dataclass(eq=False)
class Update(_Change):
    rows: Callable[[], QuerySet[Any]]
    changes: dict[str, Any]

    def write(self, database: Database) -> Written:
        query: Any = self.rows().query.chain(UpdateQuery)
        query.add_update_values(self.changes)
        return Written(*query.get_compiler(connection=database).as_sql())


@dataclass(eq=False)
class Delete(_Change):
    """Of rows that nothing refers to."""

    rows: Callable[[], QuerySet[Any]]

    def write(self, database: Database) -> Written:
        query = self.rows().query.chain(DeleteQuery)
        return Written(*query.get_compiler(connection=database).as_sql())


@dataclass(eq=False)
class Insert(_Statement):
    """A new row. Every one of `columns` is a parameter of that name; the others have defaults that never change.

    A number that counts the rows is the database's.
    """

    model: type[Model]
    columns: Sequence[str]

    def write(self, database: Database) -> Written:
        row = self.model(**{name: parameter(self.model, name) for name in self.columns})
        query = InsertQuery(self.model)
        given = [one for one in self.model._meta.concrete_fields if not isinstance(one, AutoField)]
        query.insert_values(given, [row])
        ((text, values),) = query.get_compiler(connection=database).as_sql()
        return Written(text, values)

    def __call__(self, **values: object) -> None:
        database = connections[DEFAULT_DB_ALIAS]
        with database.cursor() as cursor:
            self._execute(database, cursor, values)

    def all(self, rows: Iterable[dict[str, object]]) -> None:
        """Many new rows, each with its values by name: in a third of the time that `bulk_create` takes."""
        database = connections[DEFAULT_DB_ALIAS]
        statement = self._statement(database)
        with database.cursor() as cursor:
            cursor.executemany(statement.text, [_bound(statement, row, database) for row in rows])


@dataclass(eq=False)
class Select(_Statement, Generic[T]):
    """The rows of a query set: models, with what they `select_related`, or the tuples of a `values_list`."""

    rows: Callable[[], QuerySet[Any, T]]

    def write(self, database: Database) -> Written:
        rows = self.rows()
        compiler = rows.query.get_compiler(connection=database)
        text, values = compiler.as_sql()
        found = compiler.get_converters([column for column, *_names in compiler.select])
        conversions = [(index, *found[index]) for index in found]
        make = _maker_of_models(compiler) if rows.query.default_cols else tuple
        return Written(text, values, conversions, make)

    def __call__(self, **values: object) -> list[T]:
        database = connections[DEFAULT_DB_ALIAS]
        with database.cursor() as cursor:
            written = self._execute(database, cursor, values)
            found = [list(row) for row in cursor.fetchall()]
        for row in found:
            for index, functions, column in written.conversions:
                for convert in functions:
                    row[index] = convert(row[index], column, database)
        return [written.make(row) for row in found]


def _maker_of_models(compiler: Any) -> Callable[[list[Any]], Any]:
    """As a query set makes them of its rows."""
    told, columns = compiler.klass_info, compiler.select
    model, places = told["model"], told["select_fields"]
    own = slice(places[0], places[-1] + 1)
    names = [column.target.attname for column, *_names in columns[own]]
    related = cast("Any", get_related_populators)(told, columns, DEFAULT_DB_ALIAS)

    def make(row: list[Any]) -> Any:
        one = model.from_db(DEFAULT_DB_ALIAS, names, row[own])
        for populator in related:
            populator.populate(row, one)
        return one

    return make
