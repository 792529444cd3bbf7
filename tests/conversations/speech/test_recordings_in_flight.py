"""What a large recording takes of the process that sends it on: memory for it once, and nothing on the disk."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.browser.people import ADMINISTRATOR
from tests.conversations.speech.conftest import WAVE, reply
from tests.processes import Site
from tests.upstream import Upstream
from tests.visitor import JSON, Visitor

pytestmark = pytest.mark.processes

MEGABYTE = 1 << 20
LARGE = 24 * MEGABYTE


def dictate(visitor: Visitor, content: bytes) -> httpx2.Response:
    headers = {**JSON, "X-CSRFToken": visitor.http.cookies["csrftoken"]}
    files = {"audio": ("dictation", content, "audio/wav")}
    return visitor.http.post("/speech/transcription/", files=files, headers=headers)


def kilobytes(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


def unnamed_files(pid: int) -> set[str]:
    """Those that the process has open and nobody can find."""
    found = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return {name for name in found if name.endswith("(deleted)")}


def test_it_is_held_once_and_never_on_the_disk(tmp_path: Path, upstream: Upstream) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    variables = {
        **ADMINISTRATOR,
        "OPENAI_BASE_URL": upstream.url,
        "TRANSCRIPTION_MODEL": "whisper-1",
        "SIGN_IN_LIMITS": "off",
        "TMPDIR": str(scratch),
    }
    reply(upstream, "transcriptions", {"text": "Good day."})
    name, password = (ADMINISTRATOR[f"DJANGO_SUPERUSER_{it}"] for it in ("USERNAME", "PASSWORD"))
    with (
        Site(tmp_path / "site", **variables) as site,
        Visitor(site.wait_until_ready().url).sign_in(name, password) as visitor,
    ):
        assert dictate(visitor, WAVE).json() == {"text": "Good day."}
        (worker,) = site.workers
        before, others = kilobytes(worker, "VmRSS"), unnamed_files(worker)
        Path(f"/proc/{worker}/clear_refs").write_text("5")  # forgets the highest so far
        large = WAVE + bytes(LARGE)
        assert dictate(visitor, large).json() == {"text": "Good day."}
        assert large in upstream.requests[-1].raw
        assert (kilobytes(worker, "VmHWM") - before) * 1024 < 1.75 * LARGE
        refused = dictate(visitor, WAVE + bytes(30 * MEGABYTE))
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "audio_too_large")
        assert not [path for path in scratch.rglob("*") if path.is_file()]
        assert unnamed_files(worker) == others
