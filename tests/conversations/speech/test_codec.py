"""Reading what anybody may send: every format, damage, lies and lengths."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest

from conversations.speech import codec
from conversations.speech.sound import MOST_BYTES, kind_of
from tests.conversations.speech.recordings import hours_of_silence, packed, silence, webm

NOISE = np.random.default_rng(7).integers(-9999, 9999, 4 * codec.SPOKEN_RATE).astype(np.int16)
TONE = (np.sin(np.arange(2 * codec.SPOKEN_RATE) / 10) * 10_000).astype(np.int16)


@pytest.mark.parametrize(
    ("response_format", "kind"),
    [("mp3", "mp3"), ("opus", "ogg"), ("flac", "flac"), ("wav", "wav")],
)
def test_what_is_written_can_be_read(response_format: str, kind: str) -> None:
    content, content_type = codec.encode(TONE, response_format)
    assert content_type.startswith("audio/")
    assert kind_of(content) == kind
    samples = codec.decode(content)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(2 * codec.HEARD_RATE, rel=0.05)
    assert 0.2 < abs(samples).max() < 0.5


def test_a_recording_as_browsers_make_it() -> None:
    assert len(codec.decode(webm(TONE))) == pytest.approx(2 * codec.HEARD_RATE, rel=0.05)


def test_the_formats_that_are_no_files() -> None:
    content, _type = codec.encode(TONE, "pcm")
    assert content == TONE.tobytes()
    content, _type = codec.encode(TONE, "aac")
    assert content[0] == 0xFF


def wave(*, rate: int, data: bytes, channels: int = 1, bits: int = 16) -> bytes:
    """A file whose header claims this."""
    size = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * size % 2**32, size, bits)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + head
        + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip


def test_stereo_of_another_rate_becomes_one_channel() -> None:
    content = wave(rate=44_100, channels=2, data=bytes(44_100 * 4))
    assert len(codec.decode(content)) == pytest.approx(codec.HEARD_RATE, rel=0.01)


@pytest.mark.parametrize("response_format", ["mp3", "opus", "flac", "wav"])
def test_one_that_broke_off_is_read_as_far_as_it_goes(response_format: str) -> None:
    content, _type = codec.encode(NOISE, response_format)
    samples = codec.decode(content[: len(content) // 2])
    assert 0.5 * codec.HEARD_RATE < len(samples) < 3.5 * codec.HEARD_RATE


@pytest.mark.parametrize("response_format", ["mp3", "opus", "flac", "wav"])
def test_damage_is_passed_over_or_refused(response_format: str) -> None:
    content = bytearray(codec.encode(TONE, response_format)[0])
    noise = np.random.default_rng(7)
    for at in noise.integers(20, len(content), 60):
        content[at] = int(noise.integers(256))
    with contextlib.suppress(codec.Unreadable):
        assert len(codec.decode(bytes(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<!DOCTYPE html><html></html>", b"\x1aE\xdf\xa3\x9fB\x86webm<script>alert(1)</script>",
        b"OggS" + bytes(5000), b"RIFF\x00\x00\x00\x00WAVEfmt ", b"fLaC" + bytes(300), b"ID3" + bytes(3000),
        b"\x00\x00\x00\x20ftypM4A " + bytes(99), wave(rate=16_000, data=b""), wave(rate=0, data=bytes(100)),
        b"#EXTM3U\nfile:///etc/passwd", b"ffconcat version 1.0\nfile /etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_recording(content: bytes) -> None:
    with pytest.raises(codec.Unreadable) as refused:
        codec.decode(content)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("container", "encoder"),
    [("mp4", "aac"), ("mp4", "alac"), ("mp4", "libopus"), ("wav", "pcm_mulaw"), ("wav", "pcm_f32le")],
)  # fmt: skip
def test_what_recorders_pack_sound_with(container: str, encoder: str) -> None:
    samples = codec.decode(packed(TONE, container, encoder))
    assert len(samples) == pytest.approx(2 * codec.HEARD_RATE, rel=0.05)


@pytest.mark.parametrize(
    ("container", "encoder"),
    [("wav", "adpcm_ms"), ("wav", "adpcm_yamaha"), ("wav", "g722"), ("mp4", "ac3"), ("mp4", "eac3")],
)  # fmt: skip
def test_no_other_decoder_is_within_reach(container: str, encoder: str) -> None:
    with pytest.raises(codec.Unreadable, match="that recorders do not use"):
        codec.decode(packed(TONE, container, encoder))


def test_two_hours_are_not_decoded_whole() -> None:
    content = hours_of_silence(2)
    assert len(content) < MOST_BYTES
    with pytest.raises(codec.TooLong, match=r"longer than 10 minutes\. Send it in parts\."):
        codec.decode(content)


def test_what_is_just_short_enough_is() -> None:
    content = silence(59, "flac")
    assert len(codec.decode(content, most_seconds=60)) == 59 * codec.HEARD_RATE
    with pytest.raises(codec.TooLong):
        codec.decode(content, most_seconds=58)


def test_a_rate_that_lies_does_not_blow_it_up() -> None:
    with pytest.raises(codec.TooLong):
        codec.decode(wave(rate=1, data=bytes(100_000)))
