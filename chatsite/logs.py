"""The request's id in every log line. Log lines hold ids and counts, never message text, prompts or keys."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")


SECRET_PATH = re.compile(r"(/(?:setup|accounts/password/reset/key|accounts/confirm-email)/)[^/\s]+")


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        if isinstance(record.args, tuple):
            record.args = tuple(_masked(argument) for argument in record.args)
        return True


def _masked(argument: object) -> object:
    """Without the token of a setup or password link: whoever reads the log must not be able to follow it."""
    return SECRET_PATH.sub(r"\1…", argument) if isinstance(argument, str) else argument
