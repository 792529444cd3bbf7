#!/usr/bin/env python3
"""Stands in for systemctl where no systemd runs: does what the units say, as far as it can, and keeps a record.

Standard library only; it runs in a fresh Debian, as `systemctl`. Of the units it heeds User, WorkingDirectory,
Environment, ExecStart, UMask and Type=notify. The journal is a file.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path("/etc/systemd/system")
RECORD = Path("/run/systemctl.record")
PID = Path("/run/chatsite.pid")
JOURNAL = Path("/run/chatsite.journal")
NOTIFY = Path("/run/chatsite.notify")


def read(unit: str) -> dict[str, str]:
    lines = (UNITS / unit).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def running() -> int:
    try:
        pid = int(PID.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    return pid if "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() else 0


def start(unit: str) -> int:
    if not unit.startswith("chatsite.service") or running():
        return 0
    service = read("chatsite.service")
    user = pwd.getpwnam(service["User"])
    NOTIFY.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, JOURNAL.open("ab") as journal:
        systemd.bind(str(NOTIFY))
        os.chown(NOTIFY, user.pw_uid, -1)
        process = subprocess.Popen(
            shlex.split(service["ExecStart"]),
            cwd=service["WorkingDirectory"],
            env={
                "PATH": "/usr/bin:/bin",
                "NOTIFY_SOCKET": str(NOTIFY),
                **dict(word.split("=", 1) for word in service["Environment"].split()),
            },
            user=user.pw_uid,
            group=grp.getgrnam(service["Group"]).gr_gid,
            extra_groups=[],
            umask=int(service["UMask"], 8),
            stdin=subprocess.DEVNULL,
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
        systemd.settimeout(0.1)
        while process.poll() is None:
            with contextlib.suppress(TimeoutError):
                if systemd.recv(4096).startswith(b"READY=1"):
                    PID.write_text(str(process.pid))
                    return 0
    return 1


def stop(unit: str) -> int:
    if unit.startswith("chatsite.service") and (pid := running()):
        os.kill(pid, signal.SIGTERM)
        while running():
            time.sleep(0.05)
    return 0


def main(arguments: list[str]) -> int:
    with RECORD.open("a") as record:
        record.write(" ".join(arguments) + "\n")
    command, *rest = [word for word in arguments if word not in {"--quiet", "--now"}]
    if command in {"daemon-reload", "enable"}:
        return 0
    (unit,) = (name if "." in name else f"{name}.service" for name in rest)
    if command == "is-active":
        active = unit.endswith(".timer") or bool(running())
        if "--quiet" not in arguments:
            sys.stdout.write("active\n" if active else "inactive\n")
        return 0 if active else 3
    if command in {"stop", "restart"}:
        stop(unit)
    return start(unit) if command in {"start", "restart"} else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
