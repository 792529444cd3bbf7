"""Queries that are written once: what they find and change is what the ORM finds and changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import F, Q, QuerySet
from pytest_django import DjangoAssertNumQueries

from accounts.models import Plan, Reservation, UsageRecord, User
from chatsite.statements import Delete, Insert, Parameter, Select, Update, parameter

pytestmark = pytest.mark.django_db

by_name = Select(
    lambda: User.objects.select_related("plan").filter(username=parameter(User, "username"))
)


def test_models_with_what_they_relate_to(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    plan = Plan.objects.create(name="Large", allowed_models=["one"], money_per_month="2.50")
    ann = User.objects.create(username="ann", plan=plan)
    User.objects.create(username="bob")
    with django_assert_num_queries(1):
        (found,) = by_name(username="ann")
        assert found == ann
        assert found.plan is not None
        assert (found.plan.name, found.plan.allowed_models) == ("Large", ["one"])
        assert found.plan.money_per_month == Decimal("2.50")
    found.email = "ann@example.org"
    found.save()  # as any other: it knows that it is in the database
    assert User.objects.get(username="ann").email == "ann@example.org"
    (bob,) = by_name(username="bob")
    assert bob.plan is None
    assert by_name(username="nobody") == []


def test_tuples_of_python_values() -> None:
    key, user = uuid4(), User.objects.create(username="ann")
    days = {"day": date(2026, 11, 24), "month": date(2026, 11, 1)}
    Reservation.objects.create(id=key, user=user, money=Decimal("0.00000001"), **days)
    select = Select(
        lambda: Reservation.objects.filter(pk=parameter(Reservation, "id")).values_list(
            "pk", "day", "money", "alive_at"
        )
    )
    assert select(id=key) == [(key, days["day"], Decimal("0.00000001"), None)]


def test_one_column_can_be_compared_with_two_values() -> None:
    first, second = parameter(User, "username", "first"), parameter(User, "username", "second")
    either = Select(
        lambda: User.objects.filter(Q(username=first) | Q(username=second)).order_by("username")
    )
    for name in ("ann", "bob", "cat"):
        User.objects.create(username=name)
    assert [user.username for user in either(first="cat", second="ann")] == ["ann", "cat"]


def test_update_and_delete_tell_how_many_rows_there_were() -> None:
    for name in ("ann", "bob"):
        User.objects.create(username=name, auth_epoch=3)
    by = Parameter("by", User._meta.get_field("auth_epoch"))
    later = Update(
        lambda: User.objects.filter(auth_epoch__lt=parameter(User, "auth_epoch")),
        {"auth_epoch": F("auth_epoch") + by},
    )
    assert later(auth_epoch=4, by=2) == 2
    assert later(auth_epoch=4, by=2) == 0
    assert set(User.objects.values_list("auth_epoch", flat=True)) == {5}
    drop = Delete(lambda: Plan.objects.filter(name=parameter(Plan, "name")))
    Plan.objects.create(name="Large")
    assert [drop(name="Large"), drop(name="Large")] == [1, 0]


def test_insert_gives_the_other_columns_their_defaults() -> None:
    columns = ("id", "user_id", "day", "month", "recorded_at", "outcome", "money")
    insert = Insert(UsageRecord, columns)
    user, days = User.objects.create(username="ann"), date(2026, 11, 1)
    for key in (uuid4(), uuid4()):
        row = UsageRecord(id=key, user=user, day=days, month=days, outcome="complete")
        row.money = Decimal("0.1")
        insert(**{name: getattr(row, name) for name in columns})
        assert UsageRecord.objects.filter(pk=key).values().get() == {
            name: getattr(row, name) for name in (f.attname for f in row._meta.concrete_fields)
        }


def test_many_rows_at_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    insert = Insert(Plan, ("name", "money_per_month", "allowed_models"))
    rows: list[dict[str, object]] = [
        {"name": f"Plan {number}", "money_per_month": price, "allowed_models": ["one"]}
        for number, price in enumerate((None, Decimal("2.50")))
    ]
    with django_assert_num_queries(1):
        insert.all(rows)
    insert.all([])
    for row in rows:
        assert {**row, "is_default": False} == (
            Plan.objects.filter(name=row["name"]).values(*row, "is_default").get()
        )


def test_a_statement_is_written_once_for_all_threads(
    transactional_db: None,
) -> None:
    User.objects.create(username="ann")
    times: list[int] = []

    def rows() -> QuerySet[User]:
        times.append(1)
        return User.objects.filter(username=parameter(User, "username"))

    select = Select(rows)
    select(username="ann")

    def elsewhere(_number: int) -> int:
        try:
            return len(select(username="ann"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(elsewhere, range(4))] == [1, 1, 1, 1]
    assert len(times) == 1
