"""deploy/chatsite on a fresh Debian: install, upgrade, rollback. systemctl is a stand-in that obeys the units."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploying.debian import Debian
from tests.deploying.front import reach
from tests.processes import ROOT, free_port
from tests.upstream import Upstream
from tests.visitor import Visitor

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1800)]

NAME = "chat.example.org"
PASSWORD = "a long pass phrase"
FIELDS = {
    "username": "root",
    "email": "root@example.org",
    "password1": PASSWORD,
    "password2": PASSWORD,
}
SECRET = "not-for-every-eye"
# Stands before a program of PostgreSQL's and writes down what everybody on the machine can see of it.
WITNESS = """#!/bin/sh
printf '%s\\n' "$0 $*" >>/tmp/seen
[ -z "$PGPASSWORD" ] || echo with a password >>/tmp/seen
exec /usr/bin/${0##*/} "$@"
"""
# What a site that was broken into could leave for root to stumble over, where it may write.
TRAPS = """cd /var/lib/chatsite
ln -s /etc backups
ln -s /etc/shadow .backup.new
ln -s /etc/shadow chatsite.sqlite3.new
"""
# Adds a table: with it there is a migration that the release before does not know.
MIGRATION = """from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("{app}", "{last}")]
    operations = [migrations.RunSQL("CREATE TABLE {table} (id integer)", "DROP TABLE {table}")]
"""


class Server:
    """The machine, the repository that it is installed from, and the endpoint of its models."""

    def __init__(self, debian: Debian, upstream: Upstream) -> None:
        self.debian, self.upstream = debian, upstream
        self.port = free_port()
        self.repository = debian.root / "srv/chatsite"
        shutil.copy(ROOT / "tests/deploying/systemctl.py", debian.root / "usr/local/bin/systemctl")
        subprocess.run(
            ["git", "clone", "--quiet", "--no-hardlinks", ROOT, self.repository], check=True
        )
        self.git("remote", "remove", "origin")
        settings = debian.root / "etc/chatsite/env"
        settings.parent.mkdir()
        settings.write_text(
            f"DATA_DIR=/var/lib/chatsite\nPORT={self.port}\nOPENAI_BASE_URL={upstream.url}\n"
        )

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", "-C", self.repository, *who, *arguments],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def commit(self, subject: str, files: dict[str, str]) -> str:
        for name, text in files.items():
            (self.repository / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "--short=12", "HEAD")

    def migration(self, table: str) -> dict[str, str]:
        folder = self.repository / "accounts/migrations"
        last = max(path.stem for path in folder.glob("0*.py"))
        number = int(last[:4]) + 1
        text = MIGRATION.format(app="accounts", last=last, table=table)
        return {f"accounts/migrations/{number:04}_{table}.py": text}

    @property
    def pid(self) -> int:
        return int((self.debian.root / "run/chatsite.pid").read_text())

    @property
    def release(self) -> str:
        return (self.debian.root / "opt/chatsite/current").readlink().name

    def tables(self) -> str:
        return self.debian.run(
            "python3", "-c",
            "import sqlite3; print(sqlite3.connect('/var/lib/chatsite/chatsite.sqlite3')"
            ".execute('select group_concat(name) from sqlite_master').fetchone()[0])",
        )  # fmt: skip

    def state(self) -> dict[str, str]:
        """Every file that the script may write, and what is in it."""
        found = {}
        for folder in ("etc/chatsite", "etc/systemd/system", "opt/chatsite", "usr/local/sbin"):
            for path in sorted((self.debian.root / folder).rglob("*")):
                if path.is_symlink():
                    found[str(path)] = str(path.readlink())
                elif path.is_file():
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    found[str(path)] = f"{path.stat().st_mtime} {path.stat().st_mode} {digest}"
        return found

    def orders(self) -> str:
        """What systemctl has been told, a line each."""
        return (self.debian.root / "run/systemctl.record").read_text()

    def visit(self) -> Visitor:
        return reach(self.port, NAME)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Upstream() as upstream, Debian(tmp_path / "debian") as debian:
        server = Server(debian, upstream)
        server.debian.run("chmod", "755", "/", "/usr/local/bin/systemctl")
        yield server


def test_the_life_of_a_server(server: Server) -> None:
    slips_are_told(server.debian)
    first = is_installed(server)
    server.debian.run("runuser", "-u", "chatsite", "--", "sh", "-euc", TRAPS)
    kept = [looked_at(server.debian.root / name) for name in ("etc", "etc/shadow")]
    is_installed_again(server, first)
    chat = works(server)
    is_managed(server)
    second = is_upgraded(server)
    goes_back_by_itself(server, second)
    goes_back_by_hand(server, first)
    is_restored(server, chat)
    keeps_databases_to_root(server.debian)
    assert [looked_at(server.debian.root / name) for name in ("etc", "etc/shadow")] == kept
    server.debian.run("chatsite", "upgrade", "v1.2.0")
    assert server.release == second


def is_installed(server: Server) -> str:
    """What it leaves; returns the release."""
    debian = server.debian
    said = debian.run("/srv/chatsite/deploy/chatsite", "install", "--host", NAME)
    first = server.git("rev-parse", "--short=12", "HEAD")
    assert server.release == first
    assert f"https://{NAME} is served" in said
    link = re.search(rf"Create the administrator: https://{NAME}(/setup/\S+)", said)
    assert link
    user = next(
        line for line in (debian.root / "etc/passwd").read_text().splitlines() if "chatsite" in line
    )
    uid = int(user.split(":")[2])
    assert user.endswith("/usr/sbin/nologin")
    for name, mode in {
        "etc/chatsite/env": 0o640,
        "var/lib/chatsite": 0o700,
        "etc/chatsite": 0o750,
        "run/chatsite-deploy.lock": 0o600,
    }.items():
        assert (debian.root / name).stat().st_mode & 0o777 == mode, name
    assert (debian.root / "var/lib/chatsite/chatsite.sqlite3").stat().st_uid == uid
    status = debian.run("cat", f"/proc/{server.pid}/status")
    assert re.search(rf"^Uid:\t{uid}\t", status, re.M)
    assert "enable --quiet chatsite.service chatsite-housekeeping.timer" in server.orders()
    return first


def is_installed_again(server: Server, first: str) -> None:
    """Nothing changes."""
    debian = server.debian
    before, pid = server.state(), server.pid
    debian.run("chatsite", "install", "--host", NAME)
    assert server.state() == before
    assert server.pid == pid

    # A setting that needs other packages gets them.
    stamp = debian.root / "opt/chatsite/releases" / first / ".venv/.stamp-site"
    stamp.unlink()
    debian.run("chatsite", "install", "--host", NAME)
    assert stamp.exists()
    assert server.pid == pid


def works(server: Server) -> str:
    """Returns where somebody has written."""
    debian = server.debian
    with server.visit() as visitor:
        again = re.search(rf"{NAME}(/setup/\S+)", debian.run("chatsite", "manage", "setup_link"))
        assert again
        assert visitor.submit(again[1], FIELDS).status_code == 200
        visitor.sign_in("root", PASSWORD)
        sent = visitor.send("Before the upgrade")
        list(visitor.events(sent["events"]))
    return str(sent["url"])


def is_managed(server: Server) -> None:
    debian = server.debian
    assert "it answers and is ready" in debian.run("chatsite", "status")
    assert "conversations 0" in debian.run("chatsite", "manage", "housekeeping")
    debian.run("chatsite", "backup", "/root/today")
    assert (debian.root / "root/today").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (debian.root / "root").glob("today*")] == ["today"]
    assert "name a new file" in debian.call("chatsite", "backup", "/root/today").stderr.lower()

    assert debian.run("chatsite", "manage", "create_key", "backup", "--user", "root").startswith(
        "ck_"
    )
    with (debian.root / "etc/chatsite/env").open("a") as settings:
        settings.write("TIME_ZONE=Asia/Shanghai\n")
    pid = server.pid
    debian.run("systemctl", "restart", "chatsite")
    assert server.pid != pid


def is_upgraded(server: Server) -> str:
    """With a migration; returns the release."""
    debian = server.debian
    second = server.commit("Add a table", server.migration("second"))
    server.git("tag", "v1.2.0")
    said = debian.run("chatsite", "upgrade")
    assert server.release == second
    assert "the database is kept in /var/backups/chatsite/before-" in said
    assert "second" in server.tables()
    assert "runs already" in debian.run("chatsite", "upgrade")
    return second


def goes_back_by_itself(server: Server, second: str) -> None:
    """With the database, from a release that does not run."""
    debian = server.debian
    broken = server.commit(
        "Break the site", {**server.migration("third"), "chatsite/asgi.py": "raise RuntimeError\n"}
    )
    done = debian.call("chatsite", "upgrade", broken)
    assert done.returncode == 1
    assert f"{second} runs again, with its database" in done.stderr
    assert server.release == second
    assert "third" not in server.tables()

    # One that cannot even be installed changes nothing.
    pid = server.pid
    unlocked = server.commit(
        "Ask for what is not there", {"requirements.txt": "chatsite-no-such==1\n"}
    )
    done = debian.call("chatsite", "upgrade", unlocked)
    assert done.returncode == 1
    assert "Nothing was changed." in done.stderr
    assert server.pid == pid
    assert (
        "There is no commit, tag or branch nowhere"
        in debian.call("chatsite", "upgrade", "nowhere").stderr
    )


def goes_back_by_hand(server: Server, first: str) -> None:
    debian, pid = server.debian, server.pid
    done = debian.call("chatsite", "rollback")
    assert done.returncode == 1
    assert "chatsite rollback --with-database" in done.stderr
    assert server.pid == pid
    said = debian.run("chatsite", "rollback", "--with-database")
    assert server.release == first
    assert "second" not in server.tables()
    assert "what is left behind is kept in /var/backups/chatsite/after-" in said


def is_restored(server: Server, chat: str) -> None:
    debian = server.debian
    with server.visit() as visitor:
        visitor.sign_in("root", PASSWORD)
        assert "Before the upgrade" in visitor.http.get(chat).text

        # A backup of another day.
        visitor.send("After the backup")
        debian.run("chatsite", "restore", "/root/today")
        assert server.orders().splitlines()[-5:] == [
            "stop chatsite-housekeeping.timer",
            "stop chatsite-housekeeping.service",
            "stop chatsite.service",
            "restart chatsite.service",
            "start chatsite-housekeeping.timer",
        ]
        visitor.sign_in("root", PASSWORD)  # of that session the other day knew nothing
        page = visitor.http.get("/").text
        assert "Before the upgrade" in page
        assert "After the backup" not in page


def keeps_databases_to_root(debian: Debian) -> None:
    folder = debian.root / "var/backups/chatsite"
    assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, 0)
    for file in folder.iterdir():
        assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, 0)


def looked_at(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mode, status.st_uid, status.st_size


SLIPS = {
    "install --host https://chat.example.org": "--host is a name alone",
    "install --fast": "install does not know --fast",
    "status": "Nothing is installed yet.",
    "": "deploy/chatsite install",
}


def slips_are_told(debian: Debian) -> None:
    for arguments, sentence in SLIPS.items():
        done = debian.call("/srv/chatsite/deploy/chatsite", *arguments.split())
        assert done.returncode in {1, 2}
        assert sentence in done.stderr


def test_the_same_with_postgresql(server: Server) -> None:
    """The database is kept with what it had when an upgrade began, and comes back whole."""
    debian = server.debian
    has_postgresql(debian)
    said = debian.run("/srv/chatsite/deploy/chatsite", "install", "--host", NAME)
    first = server.release

    def tables() -> list[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        return debian.run("runuser", "-u", "chatsite", "--", "psql", "-At", "-c", query).split()

    link = re.search(rf"{NAME}(/setup/\S+)", said)
    assert link
    with server.visit() as visitor:
        visitor.submit(link[1], FIELDS)
        visitor.sign_in("root", PASSWORD)
        sent = visitor.send("Before the upgrade")
        list(visitor.events(sent["events"]))
        debian.run("chatsite", "backup", "/root/today")
        before = tables()

        broken = {**server.migration("second"), "chatsite/asgi.py": "raise RuntimeError\n"}
        server.commit("Break the site", broken)
        done = debian.call("chatsite", "upgrade")
        assert "runs again, with its database" in done.stderr
        assert tables() == before
        assert "Before the upgrade" in visitor.http.get(sent["url"]).text

        server.git("reset", "--quiet", "--hard", "HEAD~1")
        server.commit("Add a table", server.migration("third"))
        debian.run("chatsite", "upgrade")
        assert "third" in tables()
        visitor.send("After the upgrade")
        debian.run("chatsite", "rollback", "--with-database")
        assert (server.release, tables()) == (first, before)
        page = visitor.http.get("/").text
        assert "Before the upgrade" in page
        assert "After the upgrade" not in page

        visitor.send("After the backup")
        debian.run("chatsite", "restore", "/root/today")
        assert "After the backup" not in visitor.http.get("/").text
        assert "Before the upgrade" in visitor.http.get("/").text
    seen = (debian.root / "tmp/seen").read_text()
    for name in ("pg_dump", "psql"):
        assert re.search(rf"/{name} .*chatsite\nwith a password$", seen, re.M)
    assert SECRET not in seen


def has_postgresql(debian: Debian) -> None:
    """Its programs are watched, and the settings name its database."""
    (debian.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (debian.root / "usr/sbin/policy-rc.d").chmod(0o755)
    debian.run("apt-get", "update")
    debian.run("apt-get", "install", "--yes", "--no-install-recommends", "postgresql")
    for name, value in (("listen_addresses", ""), ("port", "5432")):
        debian.run("pg_conftool", "15", "main", "set", name, value)
    debian.run("pg_ctlcluster", "15", "main", "start")
    for name in ("pg_dump", "psql"):
        witness = debian.root / "usr/local/bin" / name
        witness.write_text(WITNESS)
        witness.chmod(0o755)
    with (debian.root / "etc/chatsite/env").open("a") as settings:
        settings.write(
            f"DATABASE_URL=postgres://chatsite:{SECRET}@/chatsite\nWEB_CONCURRENCY=2\n"
            "SECRET_KEY=the-same-on-every-node-and-quite-long-enough\n"
        )
    debian.run("useradd", "--system", "--user-group", "chatsite")
    debian.run("runuser", "-u", "postgres", "--", "createuser", "chatsite")
    debian.run("runuser", "-u", "postgres", "--", "createdb", "--owner", "chatsite", "chatsite")
