"""A Python beside a running site, for as many programs as a test has: each would take a second to start its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path


class Beside:
    """Runs lines of Python with the site's settings and database. Ends with `close()`."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.turn = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.beside"],
            cwd=root, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, program: str) -> str:
        """What it prints. Fails the test with its traceback where it raises."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.turn:
            self.process.stdin.write(json.dumps(program) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, "the Python beside the site ended"
        printed, failure = json.loads(answer)
        assert not failure, failure
        return str(printed)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def main() -> None:
    import django
    from django.db import connections

    django.setup()
    for line in sys.stdin:
        printed, failure = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(json.loads(line), {"__name__": "__main__"})  # noqa: S102 (the test's own lines)
            except Exception:
                failure = traceback.format_exc()
        connections.close_all()  # nothing is held while a test looks at the database itself
        sys.stdout.write(json.dumps([printed.getvalue(), failure]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
