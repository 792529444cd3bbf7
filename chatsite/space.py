"""Hugging Face Spaces: whether what is written there outlives a restart.

A Space begins anew with each, but for storage that its owner attaches, where the image's user may not be let in.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

STORAGE = Path("/data")
FRAMER = "https://huggingface.co"  # shows each Space in a frame of its own page


def choose_data_dir(asked: str, storage: Path = STORAGE) -> tuple[str, bool]:
    """Where data goes, and whether it stays there.

    asked: DATA_DIR, which the image sets to the storage. If this user may not write there, a folder that goes with the
    Space is better than no site; any other folder is its owner's business.
    """
    wanted = Path(asked or storage)
    if wanted == storage and not os.access(storage, os.W_OK | os.X_OK):
        return str(Path(tempfile.gettempdir()) / "chatsite"), False
    return str(wanted), storage in {wanted, *wanted.parents} and storage.is_mount()
