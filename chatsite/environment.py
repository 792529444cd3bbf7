"""Reads the environment: `.env`, `NAME_FILE`, and one sentence for everything that is malformed.

Only `settings.py` uses this at import, and `endpoints.py` for the keys of endpoints, which are named by rows.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
# No wildcards, and nothing that would begin another directive of the content security policy.
ORIGIN = re.compile(
    r"https://[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?"
)
ALIKE = 0.8  # OPENAI_KEY is so to OPENAI_API_KEY, OPENROUTER_API_KEY is not


class Environment:
    """Values by name. Every error is ImproperlyConfigured with the name and the way to mend it."""

    def __init__(self) -> None:
        self._env = environ.Env()
        self._asked: set[str] = set()
        self._of_file: set[str] = set()

    def read_file(self, path: Path) -> None:
        """Add what `.env` sets and the environment does not."""
        if not path.is_file():
            return
        before = set(os.environ)
        try:
            environ.Env.read_env(str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(
                f"{path} cannot be read ({type(error).__name__}). Make it a readable text file in UTF-8."
            ) from error
        self._of_file = set(os.environ) - before

    def misspelled(self) -> dict[str, str]:
        """Names in `.env` that nobody has asked for, each with the one it was probably meant to be.

        Others that nobody has asked for may be keys of endpoints.
        """
        found = {}
        for name in sorted(self._of_file - self._asked):
            if meant := difflib.get_close_matches(name, self._asked, n=1, cutoff=ALIKE):
                found[name] = meant[0]
        return found

    def text(self, name: str, default: str = "") -> str:
        """The value of NAME or the content of the file that NAME_FILE names, stripped."""
        self._asked |= {name, f"{name}_FILE"}
        value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
        if value is not None and path:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Remove one of them.")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ImproperlyConfigured(
                    f"{name}_FILE names {path}, which cannot be read ({type(error).__name__})."
                    " Name a readable text file."
                ) from error
        return default if value is None else value.strip()

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Set it to a whole number from {least} to {most}."
            )
        return int(value)

    def switch(self, name: str, *, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value not in TRUE | FALSE:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to on or off.")
        return value in TRUE

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        value = self.text(name) or default
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to {', '.join(choices)}.")
        return value

    def http_url(self, name: str) -> str:
        """An http or https address without a trailing slash, or an empty string."""
        value = self.text(name).rstrip("/")
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
            _port = parts.port
        except ValueError:
            usable = False
        if not usable:
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Set it to an address such as https://chat.example.org."
            )
        return value

    def origins(self, name: str) -> list[str]:
        """https origins, separated by spaces or commas, without a slash at the end."""
        found = []
        for word in self.text(name).replace(",", " ").split():
            origin = word.lower().removesuffix("/")
            if not ORIGIN.fullmatch(origin):
                raise ImproperlyConfigured(
                    f"{name} names {word!r}. List whole https origins, such as https://huggingface.co."
                )
            found.append(origin)
        return found

    def size(self, name: str, default: int) -> int:
        """Bytes, written as 1000, 256kB or 1MB."""
        value = self.text(name).lower().replace(" ", "")
        if not value:
            return default
        number, factor = value, 1
        for suffix, times in (("kb", 1024), ("mb", 1024 * 1024), ("b", 1)):
            if value.endswith(suffix):
                number, factor = value.removesuffix(suffix), times
                break
        if not number.isascii() or not number.isdigit() or int(number) < 1:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to bytes, such as 256kB.")
        return int(number) * factor

    def parsed_url(self, name: str, kind: str) -> dict[str, Any]:
        """What django-environ makes of DATABASE_URL or EMAIL_URL; kind: `db` or `email`."""
        value = self.text(name)
        try:
            parse = self._env.db_url_config if kind == "db" else self._env.email_url_config
            with warnings.catch_warnings(action="ignore"):
                parsed = dict(parse(value))
        except Exception:  # the parser raises whatever it happens to trip over
            parsed = {}
        if not parsed.get("ENGINE" if kind == "db" else "EMAIL_BACKEND"):
            raise ImproperlyConfigured(
                f"{name} is not an address that can be understood. Write it as in .env.example."
            )
        return parsed
