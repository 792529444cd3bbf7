"""The two that do the work of the speech in the box: one speaks, one listens. Only in its process."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .codec import HEARD_RATE, SPOKEN_RATE, TooLong
from .local import MOST_SECONDS
from .weights import PAUSES, RECOGNISER, VOICE, checked

THREADS = min(os.cpu_count() or 1, 4)
CLIP_SECONDS = 60  # heard at once: ten minutes in one piece would take half a gigabyte more
MOST_PHONEMES = 400  # at once: what they take grows with their square
# What finds out how a word is said takes minutes for a very long one, and knows no number of more digits.
LONG_WORDS = re.compile(r"(\d{15}(?=\d)|\S{40}(?=\S))")


class Voice:
    """Raises WeightsDiffer."""

    def __init__(self) -> None:
        folder = checked(VOICE)
        from hibari import Hibari

        self._engine = Hibari(model=str(folder / "hibari.onnx"), threads=THREADS)

    def speak(self, text: str, *, speed: float, most_seconds: int = MOST_SECONDS) -> Any:
        """int16 samples at SPOKEN_RATE; none where nothing in the text can be said in English. Raises TooLong."""
        parts: list[Any] = [np.zeros(0, np.int16)]
        left = most_seconds * SPOKEN_RATE
        for sentence in self._engine.phonemize(LONG_WORDS.sub(r"\1 ", text)):
            for piece in textwrap.wrap(sentence, MOST_PHONEMES, break_on_hyphens=False):
                part = self._engine.from_phonemes(piece, speed)
                parts.append((np.clip(part, -1, 1) * 32767).astype(np.int16))
                left -= len(part)
                if left < 0:
                    raise TooLong(
                        f"To say all of the text takes over {MOST_SECONDS // 60} minutes. Send it in parts."
                    )
        return np.concatenate(parts)


class Recogniser:
    """Raises WeightsDiffer."""

    def __init__(self) -> None:
        folder = checked(RECOGNISER)
        checked(PAUSES)
        from faster_whisper import WhisperModel
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(max_speech_duration_s=CLIP_SECONDS)
        self._find_speech = partial(get_speech_timestamps, vad_options=options)
        self._engine = WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=THREADS,
            local_files_only=True,
        )

    def transcribe(self, samples: Any) -> str:
        """samples: as `codec.decode` gives them. Empty where nobody speaks."""
        return " ".join(filter(None, map(self._text_in, self._clips(samples))))

    def _clips(self, samples: Any) -> Iterator[Any]:
        """What is speech, without the pauses: of silence the model makes words."""
        parts: list[Any] = []
        for found in self._find_speech(samples):
            part = samples[found["start"] : found["end"]]
            if parts and sum(map(len, parts)) + len(part) > CLIP_SECONDS * HEARD_RATE:
                yield np.concatenate(parts)
                parts = []
            parts.append(part)
        if parts:
            yield np.concatenate(parts)

    def _text_in(self, clip: Any) -> str:
        segments, _about = self._engine.transcribe(
            clip,
            language="en",
            temperature=0,  # one attempt at each half minute: what is hard to hear takes no longer
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments).strip()
