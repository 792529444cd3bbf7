"""Files of sound into samples and back, with PyAV. Only in the process of the speech in the box: what is decoded here
comes from anybody.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from .local import MOST_SECONDS
from .sound import kind_of

HEARD_RATE, SPOKEN_RATE = 16_000, 24_000  # samples a second

# By kind, the one reader it may get: left to guess, FFmpeg also knows lists of other files and addresses to open.
READERS = {
    "webm": "matroska",
    "ogg": "ogg",
    "mp4": "mov",
    "wav": "wav",
    "mp3": "mp3",
    "flac": "flac",
}
# What recorders write. FFmpeg has hundreds of others, which few people ever look at.
DECODERS = (
    "aac", "alac", "amrnb", "amrwb", "flac", "mp3", "mp3float", "opus", "vorbis",
    "pcm_alaw", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24be",
    "pcm_s24le", "pcm_s32le", "pcm_u8",
)  # fmt: skip
# Nor does a recording open anything else, whatever it names.
CLOSED = {"codec_whitelist": ",".join(DECODERS), "protocol_whitelist": "none"}
# By `response_format`: writer, codec, content type.
WRITERS = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "opus": ("ogg", "libopus", "audio/ogg"),
    "aac": ("adts", "aac", "audio/aac"),
    "flac": ("flac", "flac", "audio/flac"),
    "wav": ("wav", "pcm_s16le", "audio/wav"),
    "pcm": ("s16le", "pcm_s16le", "audio/pcm"),
}
BIT_RATES = {"mp3": 64_000, "opus": 32_000, "aac": 64_000}


class Unreadable(Exception):
    """No recording. The text is a sentence for whoever sent it."""


class TooLong(Unreadable):
    pass


def decode(content: bytes, *, most_seconds: int = MOST_SECONDS) -> Any:
    """One channel of float32 samples at HEARD_RATE, of at least one. Raises Unreadable, or TooLong while decoding."""
    kind = kind_of(content)
    if kind is None:
        raise Unreadable("The file is not a recording in WebM, Ogg, MP4, WAV, MP3 or FLAC.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=HEARD_RATE)
    parts: list[Any] = []
    seconds = 0.0
    for frame in _frames(content, READERS[kind]):
        seconds += frame.samples / max(frame.sample_rate, 1)
        if seconds > most_seconds:
            raise TooLong(
                f"The recording is longer than {most_seconds // 60} minutes. Send it in parts."
            )
        frame.pts = None
        try:
            parts += [one.to_ndarray()[0] for one in resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError):  # it is of another kind than those before
            break
    if parts:
        parts += [one.to_ndarray()[0] for one in resampler.resample(None)]
    if not sum(map(len, parts)):
        raise Unreadable("The recording is damaged: no sound in it can be decoded.")
    return np.concatenate(parts).astype(np.float32) / 32768


def _frames(content: bytes, reader: str) -> Iterator[Any]:
    """What can be decoded; what is damaged is left out, and everything after the place where it is beyond reading."""
    try:
        with av.open(
            io.BytesIO(content), format=reader, metadata_errors="ignore", options=CLOSED
        ) as container:
            if not container.streams.audio:
                raise Unreadable("There is no sound in the file.")
            stream = container.streams.audio[0]
            if stream.codec_context.codec.name not in DECODERS:
                raise Unreadable(
                    "The sound in the file is packed in a way that recorders do not use."
                )
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    continue
    except (av.error.FFmpegError, ValueError):
        return


def encode(samples: Any, response_format: str) -> tuple[bytes, str]:
    """samples: int16 at SPOKEN_RATE. response_format: a key of WRITERS. The bytes and their content type."""
    writer, codec, content_type = WRITERS[response_format]
    output = io.BytesIO()
    with av.open(output, mode="w", format=writer) as container:
        stream: Any = container.add_stream(codec, rate=SPOKEN_RATE, layout="mono")
        if response_format in BIT_RATES:
            stream.bit_rate = BIT_RATES[response_format]
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SPOKEN_RATE
        for packet in stream.encode(frame):
            container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return output.getvalue(), content_type
