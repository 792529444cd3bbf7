"""The cast: alice owns, bob is a stranger, sasha is staff. And a site that is fast and touches no one's data."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from copy import copy
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import translation
from pytest_django import DjangoDbBlocker

from accounts import setup
from accounts.emails import write_address
from accounts.models import Plan, User
from conversations.models import RolePreset
from tests import machine

PASSWORD = "correct horse battery"
SHIPPED: list[Model] = []


def on_postgresql() -> bool:
    return connection.vendor == "postgresql"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs PostgreSQL is left to the pass that has it; sites on SQLite of their own need no second pass."""

    def belongs(item: pytest.Item) -> bool:
        if item.get_closest_marker("services"):
            return on_postgresql()
        return not (on_postgresql() and item.get_closest_marker("processes"))

    left = [item for item in items if not belongs(item)]
    items[:] = filter(belongs, items)
    config.hook.pytest_deselected(items=left)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around all of it, so that a test marked `alone` does not even meet a site that starts for another."""
    alone = item.get_closest_marker("alone") is not None
    with machine.share(Path(settings.DATA_DIR), alone=alone):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not on_postgresql():
        terminalreporter.write_line(
            "Left to the PostgreSQL + Redis pass of .ci/run: the tests marked `services`, and once more all that use a"
            " database, but sites of their own."
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What a process remembers between requests is not what the next test may see."""
    cache.clear()
    setup.forget_administrator()
    translation.deactivate()  # a request leaves its reader's language behind
    yield
    setup.forget_administrator()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Remember what migrations brought: a test with real transactions empties the tables after itself."""
    with django_db_blocker.unblock():
        SHIPPED.extend([*Plan.objects.all(), *RolePreset.objects.all()])


@pytest.fixture
def db(db: None) -> None:
    restore_shipped_rows()


@pytest.fixture
def transactional_db(transactional_db: None) -> None:
    restore_shipped_rows()


def restore_shipped_rows() -> None:
    if not Plan.objects.exists():
        plans = [copy(row) for row in SHIPPED if isinstance(row, Plan)]
        for plan in plans:
            plan.pk = None  # a number of its own: PostgreSQL does not count those it is given
        Plan.objects.bulk_create(plans)
        RolePreset.objects.bulk_create(row for row in SHIPPED if isinstance(row, RolePreset))


def make_user(username: str, *, superuser: bool = False) -> User:
    user = User.objects.create_user(
        username,
        f"{username}@example.org",
        PASSWORD,
        is_staff=superuser,
        is_superuser=superuser,
    )
    write_address(user, verified=True)
    return user


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def sasha(db: None) -> User:
    return make_user("sasha", superuser=True)


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice_client(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def sasha_client(sasha: User) -> Client:
    return signed_in(sasha)
