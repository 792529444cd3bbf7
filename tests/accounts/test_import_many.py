"""A hundred thousand people at once: what is kept of each is small, and what is written of them goes in batches."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import user_import
from accounts.models import AuditEntry, Plan, User
from tests.processes import DATABASE, ROOT, migrated_database, scratch_environment

HEADER = "username,password,email,plan,group,language\n"
MOST_BYTES_A_ROW = 700
MOST_MEGABYTES = 100


def many(path: Path, rows: int, *, name: str = "person") -> str:
    """A file of people of whom one in ten thousand brings a password."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(rows):
            password = "correct horse battery" if number % 10_000 == 5 else ""
            file.write(f"{name}-{number},{password},{name}.{number}@school.example.org,,,en\n")
    return str(path)


def peak_of_importing(path: str) -> int:
    """Bytes that Python held at once more than before."""
    tracemalloc.start()
    try:
        people, problems = user_import.check(user_import.read_rows(Path(path).read_bytes()))
        assert problems == []
        user_import.hash_passwords(people)
        user_import.save(people, actor_name="test")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_a_row_takes(db: None, tmp_path: Path) -> None:
    peak_of_importing(many(tmp_path / "first.csv", 10, name="first"))
    # As batches weigh: more than one is full.
    least = peak_of_importing(many(tmp_path / "few.csv", 1_100, name="few"))
    most = peak_of_importing(many(tmp_path / "many.csv", 3_600))
    assert User.objects.count() == 4_710
    assert (most - least) / 2_500 <= MOST_BYTES_A_ROW


def queries_of_saving(rows: int) -> int:
    """For half of them new, half known, all with everything that a row may say."""
    known = [User(username=f"known-{n}", username_key=f"known-{n}") for n in range(rows // 2)]
    User.objects.all().delete()
    User.objects.bulk_create(known)
    names = [f"{kind}-{number}" for number in range(rows // 2) for kind in ("known", "new")]
    table = "".join(f"{name},,{name}@example.org,Large,writers,en,no\n" for name in names)
    content = f"{HEADER[:-1]},is_active\n{table}".encode()
    people, problems = user_import.check(user_import.read_rows(content))
    assert problems == []
    user_import.hash_passwords(people)
    with CaptureQueriesContext(connection) as captured:
        user_import.save(people, actor_name="test")
    assert User.objects.filter(plan__name="Large", groups__name="writers").count() == rows
    return len(captured)


def test_rows_are_written_in_batches(db: None) -> None:
    Plan.objects.create(name="Large")
    Group.objects.create(name="writers")
    further = queries_of_saving(200) - queries_of_saving(20)
    assert further <= 10  # SQLite takes some fifty rows at once
    assert AuditEntry.objects.filter(subject_name="new-99").count() == 1


def test_they_are_as_anybody_else(db: None) -> None:
    usual = User.objects.create_user("usual", password=None)
    people, _problems = user_import.check(user_import.read_rows(b"username,password\nnew,\n"))
    user_import.hash_passwords(people)
    user_import.save(people, actor_name="test")
    new = User.objects.get(username="new")
    own = {"id", "username", "username_key", "password", "date_joined"}
    shared = {field.attname for field in User._meta.concrete_fields} - own
    assert {name: getattr(new, name) for name in shared} == {
        name: getattr(usual, name) for name in shared
    }
    assert new.date_joined - usual.date_joined < timedelta(minutes=1)
    assert not new.has_usable_password()


MEASURE = """
import os, threading, time
from django.core.management import call_command
from tests.accounts.test_import_many import many
from pathlib import Path

peak = 0

def watch():
    # The process's own: what SQLite maps of its file is the system's to take back.
    global peak
    while True:
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(status.partition("RssAnon:")[2].split()[0]) // 1024)
        time.sleep(0.02)

threading.Thread(target=watch, daemon=True).start()
folder, nowhere = Path(os.environ["DATA_DIR"]), open(os.devnull, "w")
for rows in (10, 100_000):
    path = many(folder / "people.csv", rows, name=f"of-{rows}")
    call_command("import_users", path, stdout=nowhere, stderr=nowhere)
    print(rows, "rows", peak, "MB")
"""


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_thousand(tmp_path: Path) -> None:
    """Beyond ten, of whom one has a password: its hash takes much for a moment, as when somebody signs in."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / DATABASE).write_bytes(migrated_database().read_bytes())
    measured = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", MEASURE],
        cwd=ROOT, env=scratch_environment(tmp_path), check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    print(measured)  # noqa: T201 (for whoever runs it with -s)
    few, all_of_them = map(int, re.findall(r"(\d+) MB", measured))
    assert all_of_them - few <= MOST_MEGABYTES
