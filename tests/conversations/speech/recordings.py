"""Recordings that are made, not kept: silence, noise and tones in files of every kind."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from conversations.speech import codec


def silence(seconds: float, response_format: str = "wav") -> bytes:
    """Of int16 samples at the rate that is spoken with."""
    samples: Any = np.zeros(int(seconds * codec.SPOKEN_RATE), np.int16)
    return codec.encode(samples, response_format)[0]


def hours_of_silence(hours: float) -> bytes:
    """An MP3 of 2 kB a second, made from one second that is repeated."""
    import av

    output = io.BytesIO()
    with av.open(
        output, mode="w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}
    ) as made:
        stream: Any = made.add_stream("libmp3lame", rate=16_000, layout="mono")
        stream.bit_rate = 16_000
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16_000), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            made.mux(packet)
    return output.getvalue() * int(hours * 3600)


def webm(samples: Any) -> bytes:
    """As a browser's recorder makes it: Opus in WebM. samples: int16 at the rate that is spoken with."""
    return packed(samples, "webm", "libopus")


def packed(samples: Any, container: str, encoder: str) -> bytes:
    """container, encoder: as FFmpeg calls them. samples: int16 at the rate that is spoken with."""
    import av

    output = io.BytesIO()
    with av.open(output, mode="w", format=container) as made:
        rate = 48_000 if encoder in ("ac3", "eac3") else codec.SPOKEN_RATE
        stream: Any = made.add_stream(encoder, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = codec.SPOKEN_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            made.mux(packet)
    return output.getvalue()
