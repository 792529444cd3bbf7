"""The voices that a model is known to have. Pure."""

from __future__ import annotations

from ..models import ChatModel

# OpenAI's documentation of /v1/audio/speech; the older models have the first six.
OPENAI = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
OPENAI_NEWER = ("ash", "ballad", "coral", "sage", "verse")


def voices_of(model: ChatModel) -> tuple[str, ...]:
    """Their names, as the endpoint takes them; empty where only its usual one is known."""
    if model.name.startswith("tts-1"):
        return OPENAI
    if model.name.startswith(("gpt-4o", "gpt-audio")):
        return tuple(sorted(OPENAI + OPENAI_NEWER))
    return ()
