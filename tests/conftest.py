"""The cast: alice owns, bob is a stranger, sasha is staff. And a site that is fast and touches no one's data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.db.models import Model
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts import setup
from accounts.emails import write_address
from accounts.models import Plan, User
from conversations.models import RolePreset

PASSWORD = "correct horse battery"
SHIPPED: list[Model] = []

# Settings are read before this file is. Workers inherit the variables and read them from the start.
DATA_DIR = os.environ.get("CHATSITE_TEST_DATA_DIR") or tempfile.mkdtemp(prefix="chatsite-test-")
os.environ["CHATSITE_TEST_DATA_DIR"] = DATA_DIR


def pytest_configure(config: pytest.Config) -> None:
    os.environ["DATA_DIR"] = DATA_DIR
    settings.DATA_DIR = Path(DATA_DIR)
    database = connections["default"].settings_dict
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["NAME"] = f"{DATA_DIR}/chatsite.sqlite3"
        database["TEST"]["NAME"] = f"{DATA_DIR}/test-{os.getpid()}.sqlite3"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.ACCOUNT_RATE_LIMITS = False


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(DATA_DIR, ignore_errors=True)


@pytest.fixture(autouse=True)
def fresh_memory() -> Iterator[None]:
    """What a process remembers between requests is not what the next test may see."""
    cache.clear()
    setup.forget_administrator()
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
        Plan.objects.bulk_create(row for row in SHIPPED if isinstance(row, Plan))
        RolePreset.objects.bulk_create(row for row in SHIPPED if isinstance(row, RolePreset))


@pytest.fixture
def shipped(db: None) -> None:
    """The plans and role presets that migrations bring, which a transactional test before may have flushed."""
    editor = SimpleNamespace(connection=connection)
    import_module("accounts.migrations.0002_plans").add_plans(apps, editor)
    import_module("conversations.migrations.0002_role_presets").add_presets(apps, editor)


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
