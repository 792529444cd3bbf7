"""What can go wrong with a conversation, and what the user is told.

    ConversationError            refuses a request: HTTP status, stable code, sentence
    ├── EmptyMessage             400 empty_message
    ├── InvalidText              400 invalid_text
    ├── InvalidParameter         400 invalid_parameter
    ├── AudioUnreadable          400 audio_unreadable
    ├── AudioTooLarge            413 audio_too_large
    ├── AudioSilent              422 audio_silent
    ├── ModelUnknown             400 model_unknown
    ├── ModelNotAllowed          403 model_not_allowed
    ├── AnswerRunning            409 answer_running
    ├── ClientIdReused           409 client_id_reused
    ├── NotPossible              409 not_possible
    │   └── JustDeleted
    ├── MessageTooLong           413 message_too_long
    ├── NotJson                  415 unsupported_media_type
    ├── TooMuchSound             429 too_much_sound
    ├── SpeechUnavailable        503 speech_unavailable
    └── Unavailable              503 unavailable
        └── ModelsComing
    AnswerFailed                 ends an answer: stable code; `sentence()` has the words

Quotas refuse with `accounts.quotas.QuotaExceeded`. Third-party exceptions are translated where they enter
(`upstream/`); pages, JSON and events are made from these in one place each.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ConversationError(Exception):
    """A request that is refused; nothing has been written."""

    status = 400
    code = "invalid_parameter"
    message: str | Promise = _("The request could not be understood.")

    def __init__(self, message: str | Promise | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(str(self.message))


class EmptyMessage(ConversationError):
    code = "empty_message"
    message = _("The message is empty. Write something first.")


class InvalidText(ConversationError):
    code = "invalid_text"
    message = _("The text contains characters that cannot be stored (it is not valid UTF-8).")


class InvalidParameter(ConversationError):
    """`field` names the one that is wrong, where a form can show the sentence beside it."""

    code = "invalid_parameter"

    def __init__(self, message: str | Promise | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class AudioUnreadable(ConversationError):
    code = "audio_unreadable"
    message = _(
        "The recording cannot be read: it is damaged or in an unknown format. "
        "Record it again, or send WebM, Ogg, MP4, WAV, MP3 or FLAC."
    )


class AudioTooLarge(ConversationError):
    status = 413
    code = "audio_too_large"
    message = _("The recording is larger than 25 MB. Record less at a time.")


class AudioSilent(ConversationError):
    status = 422
    code = "audio_silent"
    message = _("Nothing was heard. Check the microphone, and speak a little louder.")


class TooMuchSound(ConversationError):
    status = 429
    code = "too_much_sound"
    message = _("You dictate or listen to too much at once. Wait for one to finish, and try again.")


class SpeechUnavailable(ConversationError):
    status = 503
    code = "speech_unavailable"
    message = _("Nothing on this site turns speech in that language into text.")
    # The endpoint has no such address.
    cannot_hear = _(
        "The model's endpoint does not turn speech into text. An administrator has to check it."
    )
    cannot_speak = _(
        "The voice's endpoint does not turn text into speech. An administrator has to check it."
    )


class ModelUnknown(ConversationError):
    code = "model_unknown"
    message = _("There is no such model here. Choose another one.")


class ModelNotAllowed(ConversationError):
    status = 403
    code = "model_not_allowed"
    message = _("Your plan does not include this model. Choose another one.")


class AnswerRunning(ConversationError):
    status = 409
    code = "answer_running"
    message = _("An answer is still being written here. Wait for it or stop it first.")


class ClientIdReused(ConversationError):
    status = 409
    code = "client_id_reused"
    message = _("This message was already sent with another text.")


class NotPossible(ConversationError):
    status = 409
    code = "not_possible"
    message = _("That cannot be done with this message.")


class JustDeleted(NotPossible):
    """What the request names was there when it was looked up."""

    message = _(
        "Something that is needed here has just been deleted. Reload the page and try again."
    )


class MessageTooLong(ConversationError):
    status = 413
    code = "message_too_long"
    message = _("The message is too long.")


class NotJson(ConversationError):
    """From a program; what a page's form sends may be either."""

    status = 415
    code = "unsupported_media_type"
    message = _("Send the body as JSON, with “Content-Type: application/json”.")


class Unavailable(ConversationError):
    status = 503
    code = "unavailable"
    message = _("The site is shutting down or overloaded. Try again in a moment.")


class ModelsComing(Unavailable):
    """The site has just been started, or its endpoint does not answer yet."""

    message = _(
        "The models are still being read from their endpoint. "
        "Try again in a moment; if that does not help, tell an administrator."
    )


_BUSY = _("The model is receiving too many requests. Try again in a minute.")

SENTENCES: dict[str, str | Promise] = {
    "upstream_auth": _(
        "The model's endpoint rejected the site's key. An administrator has to check it."
    ),
    "upstream_rate_limited": _BUSY,
    "upstream_overloaded": _BUSY,
    "upstream_error": _("The model's endpoint reported an error. Try again."),
    "upstream_unreachable": _("The model's endpoint cannot be reached. Try again in a moment."),
    "context_too_long": _(
        "The conversation is too long for this model. Shorten the message or start a new chat."
    ),
    "timeout_first": _("The model did not begin to answer in time. Try again."),
    "timeout_silence": _("The model stopped in the middle of its answer."),
    "timeout_total": _("The answer took longer than allowed and was ended."),
    "upstream_cut": _("The connection to the model broke off before the answer was complete."),
    "upstream_malformed": _("The model's endpoint sent something that is not an answer."),
    "interrupted": _("The server was restarted while this answer was being written."),
    "empty_answer": _("The model returned an empty answer."),
    "length": _("The answer ends here because it has reached its longest length."),
    "content_filter": _(
        "The answer ends here because a filter of the model's endpoint cut it off."
    ),
    "internal_error": _("Something went wrong on our side. Try again."),
}

# HTTP status of a call that failed before its reply began; what is not here is the endpoint's fault: 502.
STATUSES = {
    "upstream_rate_limited": 429,
    "upstream_overloaded": 503,
    "upstream_unreachable": 503,
    "interrupted": 503,
    "timeout_first": 504,
    "timeout_silence": 504,
    "timeout_total": 504,
}

# What a call that belongs to no conversation is told instead.
_OUTSIDE = {
    "context_too_long": _(
        "What was sent is too long for this model. Send less, or ask another one."
    ),
}

# Codes of answers that are complete and not whole: what the endpoint gave as `finish_reason`.
CUT_SHORT = {"length", "content_filter"}


class AnswerFailed(Exception):
    """An answer that cannot be finished; what has arrived of it is kept.

    code: a key of SENTENCES, or the code of an error frame sent by the endpoint.
    detail: for the log only; never shown to users, never holds message text or keys.
    retryable: true if nothing was received and the same call may work in a moment (429, 5xx, unreachable).
    retry_after: seconds the endpoint asked to wait, if it did.
    is_in_stream: the endpoint said so itself, in what it sent.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        is_in_stream: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        self.is_in_stream = is_in_stream


def sentence(code: str, *, in_conversation: bool = True) -> str:
    """The sentence for a code of a finished answer; empty for the empty code."""
    if not code:
        return ""
    if not in_conversation and code in _OUTSIDE:
        return str(_OUTSIDE[code])
    return str(SENTENCES.get(code, SENTENCES["upstream_error"]))
