"""What a file of sound is, by its first bytes: names and declared types are only claims. How large one may be. Pure."""

from __future__ import annotations

HEAD_BYTES = 64  # as many as are looked at
MOST_BYTES = 25 << 20  # of a recording that is listened to: what OpenAI takes

# By kind, which is also how a file of it is called; safe to send to a browser.
CONTENT_TYPES = {
    "webm": "audio/webm",
    "ogg": "audio/ogg",
    "mp4": "audio/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
}


def kind_of(head: bytes) -> str | None:
    """webm, ogg, mp4 (also m4a), wav, mp3 or flac; None for anything else. head: at least HEAD_BYTES, if there are."""
    if head[:4] == b"\x1aE\xdf\xa3":
        # Matroska and WebM differ in a word of their header; recorders of browsers write the latter.
        return "webm" if b"webm" in head[:HEAD_BYTES] else None
    if head[:4] == b"OggS":
        return "ogg"
    if head[:3] == bytes(3) and head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:3] == b"ID3" or _is_mpeg_frame(head):
        return "mp3"
    return None


def _is_mpeg_frame(head: bytes) -> bool:
    """The header of a frame of layer III: sync, a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] >> 3 & 3 == 1:
        return False
    return head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3
