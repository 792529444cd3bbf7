"""The units: systemd understands them, they are hardened alike, and the site tells it when it is ready."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chatsite.management.commands import serve
from tests.processes import ROOT, ShippedSite, wait_for

UNITS = ROOT / "deploy" / "systemd"
SERVICE = (UNITS / "chatsite.service").read_text()
HOUSEKEEPING = (UNITS / "chatsite-housekeeping.service").read_text()
MOST_EXPOSED = 2.0  # of 10, by systemd's own count; a unit without any hardening has 9.2


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_systemd_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/chatsite/current/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == 3
    said = analyze("verify", "--man=no", "--recursive-errors=no", *units)
    assert "chatsite" not in said


def test_little_is_exposed() -> None:
    for unit in ("chatsite.service", "chatsite-housekeeping.service"):
        said = analyze("security", "--offline=true", "--no-pager", str(UNITS / unit))
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert found, said
        assert float(found[1]) <= MOST_EXPOSED


def test_both_are_hardened_alike() -> None:
    assert SERVICE.split("# Nothing on this")[1].split("\n[Install]")[0].strip() == (
        HOUSEKEEPING.split("# Nothing on this")[1].strip()
    )


def test_systemd_waits_longer_than_the_site_needs_to_stop() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", SERVICE, re.M)
    assert int(seconds) > serve.TERMINATE_SECONDS + 10


def test_the_timer_is_daily() -> None:
    (when,) = re.findall(
        r"^OnCalendar=(.+)$", (UNITS / "chatsite-housekeeping.timer").read_text(), re.M
    )
    nexts = analyze("calendar", "--iterations=2", when)
    assert "04:17:00" in nexts


@pytest.mark.processes
def test_it_is_ready_when_it_says_so_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(60)
        with ShippedSite(tmp_path, NOTIFY_SOCKET=str(path)) as site:
            assert systemd.recv(4096).decode() == f"READY=1\nSTATUS=Serving {site.url}"
            assert site.status("/readyz") == 200
            wait_for(lambda: "Create the administrator: " in site.text, what="the link")
            site.process.send_signal(signal.SIGTERM)
            assert systemd.recv(4096) == b"STOPPING=1"
            assert site.wait_for_exit() == 0
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(4096)  # nobody else spoke
