"""Files of sound by their first bytes."""

from __future__ import annotations

import pytest

from conversations.speech.sound import CONTENT_TYPES, kind_of


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webmB\x87\x81\x04", "webm"),
        (b"OggS\x00\x02" + bytes(20) + b"OpusHead", "ogg"),
        (b"\x00\x00\x00\x1cftypiso5\x00\x00\x02\x00", "mp4"),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00", "mp4"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", "wav"),
        (b"ID3\x04\x00\x00\x00\x00\x00#TSSE", "mp3"),
        (b"\xff\xfb\x90d\x00\x0f\xf0", "mp3"),
        (b"\xff\xf3\x84\xc4\x00\x00", "mp3"),
        (b"fLaC\x00\x00\x00\x22", "flac"),
    ],
)
def test_kinds(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind
    assert kind_of(head + b"\xff" * 100) == kind
    assert CONTENT_TYPES[kind].startswith("audio/")


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\x1a", b"\xff", b"\xff\xfb", b"<!DOCTYPE html><html><script>", b"%PDF-1.7",
        b"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00#B\x82\x88matroska", b"RIFF\x24\x08\x00\x00AVI LIST",
        b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n", b"\xff\xfe<\x00h\x00t\x00", b"\xff\xff\xff\xff",
        b"\xff\xe9\x90d", b"\xff\xfb\xf0d", b"\xff\xfb\x9cd", b"webm", b"PK\x03\x04ftyp", bytes(64),
    ],
)  # fmt: skip
def test_what_is_none(head: bytes) -> None:
    assert kind_of(head) is None
