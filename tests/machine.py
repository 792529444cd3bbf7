"""The machine that tests running side by side share: what is measured in wall time has it for itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def share(folder: Path, *, alone: bool) -> Iterator[None]:
    """A part of the machine, or all of it: workers agree by two locks in a folder that they have in common.

    Everybody goes through the door, one at a time. Who wants to be alone keeps it shut until the room is empty.
    """
    with contextlib.ExitStack() as held:
        with _locked(folder / "door", fcntl.LOCK_EX):
            kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            held.enter_context(_locked(folder / "room", kind))
        yield
