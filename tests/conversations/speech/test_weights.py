"""Only the weights that were chosen are loaded, and the documents name them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversations.speech import local
from conversations.speech.weights import (
    PAUSES,
    RECOGNISER,
    VOICE,
    Weights,
    WeightsDiffer,
    checked,
)
from tests.processes import ROOT


@pytest.mark.parametrize("weights", [VOICE, RECOGNISER, PAUSES])
def test_they_are_here_and_in_the_documents(weights: Weights) -> None:
    folder = checked(weights)
    document = (ROOT / "docs" / "speech.md").read_text()
    for name, digest in weights.files.items():
        assert (folder / name).is_file()
        assert f"| `{name}` | `{digest}` |" in document
    assert weights.licence in document
    assert weights.source in document


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> Weights:
    (folder / "voices").mkdir()
    (folder / "voices" / "__init__.py").touch()
    (folder / "voices" / "net.bin").write_bytes(content)
    monkeypatch.syspath_prepend(folder)
    digest = "6ed77e34b4a6fbd6b1f4ad7a0d9cbfc1bd8b4a4a2a8a9a8f2b1b5b3f4d1c0e9f"
    return Weights("voices", ".", {"net.bin": digest}, "MIT", "a test")


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = package(tmp_path, monkeypatch, b"something else")
    with pytest.raises(WeightsDiffer, match=r"net\.bin is not the file that was chosen, so"):
        checked(weights)


def test_a_file_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = package(tmp_path, monkeypatch, b"")
    (tmp_path / "voices" / "net.bin").unlink()
    with pytest.raises(WeightsDiffer, match=r"net\.bin cannot be read"):
        checked(weights)
    nowhere = Weights("no_such_package", ".", {}, "MIT", "a test")
    with pytest.raises(WeightsDiffer, match="no_such_package is missing"):
        checked(nowhere)


def test_nothing_is_missing_here() -> None:
    assert local.what_is_missing() is None
