"""The Procfile: each line runs in a shell with nothing but PORT and what its platform sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, family, free_port, scratch_environment, wait_until_gone

pytestmark = pytest.mark.processes

LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def test_release_then_web(tmp_path: Path) -> None:
    assert list(LINES) == ["web", "release"]
    port = free_port()
    environment = scratch_environment(
        tmp_path, PORT=str(port), PUBLIC_URL="https://chat.example.org"
    )
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    subprocess.run(["sh", "-c", LINES["release"]], cwd=ROOT, env=environment, check=True)
    with subprocess.Popen(
        ["sh", "-c", LINES["web"]], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as web:
        members = family(web.pid)
        try:
            assert web.stdout is not None
            lines = iter(web.stdout.readline, "")
            assert any(line == "Chatsite is ready: https://chat.example.org\n" for line in lines)
            members = family(web.pid)
            listening = Path(f"/proc/{web.pid}/net/tcp").read_text()
            assert f"00000000:{port:04X}" in listening  # not only on loopback
        finally:
            web.terminate()
    wait_until_gone(members)
