"""Reads the environment: `.env`, `NAME_FILE`, and one sentence for everything that is malformed.

Only `settings.py` uses this at import, and `endpoints.py` for the keys of endpoints, which are named by rows.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Sequence
from email.utils import parseaddr
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
LINE = re.compile(r"(?:export )?[A-Za-z_0-9]+=")
MOST_IN_FILE = 64 * 1024
HOST = re.compile(r"(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?=.)|$))+")
# No wildcards, and nothing that would begin another directive of the content security policy.
ORIGIN = re.compile(
    r"https://[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?"
)
ALIKE = 0.8  # OPENAI_KEY is so to OPENAI_API_KEY, OPENROUTER_API_KEY is not


def is_host(text: str) -> bool:
    try:
        ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return len(text) < 254 and bool(HOST.fullmatch(text))
    return True


def _is_number(text: str) -> bool:
    """Few enough digits for int(), which refuses thousands of them."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _content(name: str, path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            content = file.read(MOST_IN_FILE)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{name} names {path}, which cannot be read ({_reason(error)}). Name a readable text file."
        ) from error
    if not content.strip():
        raise ImproperlyConfigured(
            f"{name} names {path}, which is empty. Write the value into it, or remove {name}."
        )
    return content


class Environment:
    """Values by name. Every error is ImproperlyConfigured with the name and the way to mend it."""

    def __init__(self) -> None:
        self._env = environ.Env()
        self._asked: set[str] = set()
        self._of_file: set[str] = set()

    def read_file(self, path: Path, *, required: bool = False) -> None:
        """Add what `.env` sets and the environment does not. required: it was named, so it has to be there."""
        if not required and not path.is_file():
            return
        before = set(os.environ)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(
                f"{path} cannot be read ({_reason(error)}). Make it a readable text file in UTF-8"
                f"{', or remove ENV_FILE' if required else ''}."
            ) from error
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#") and not LINE.match(line):
                raise ImproperlyConfigured(
                    f"Line {number} of {path} is not NAME=value. Write it so, without spaces around the name, or begin"
                    " it with #."
                )
        environ.Env.read_env(StringIO(text))
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
            value = _content(f"{name}_FILE", path)
        value = (value or "").strip()
        if not value.isprintable():
            raise ImproperlyConfigured(
                f"{name} holds a line break or another character that cannot be printed. Write it as one line of text"
                " in UTF-8."
            )
        return value or default

    def key(self, name: str) -> str:
        """A key, as it is sent in headers."""
        value = self.text(name)
        if not value.isascii() or " " in value:
            raise ImproperlyConfigured(
                f"{name} holds a space or another character that no key has. Copy the whole key, and nothing else."
            )
        return value

    def host(self, name: str, default: str = "") -> str:
        """The name or the address of a machine, without scheme and port."""
        value = self.text(name, default)
        if value and not is_host(value):
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Set it to a name or an address alone, such as 127.0.0.1 or chat.example.org."
            )
        return value

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not _is_number(value) or not least <= int(value) <= most:
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
            usable = parts.scheme in {"http", "https"} and is_host(parts.hostname or "")
            usable = usable and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Set it to an address such as https://chat.example.org."
            )
        return value

    def address(self, name: str) -> str:
        """An e-mail address, with or without a name before it."""
        value = self.text(name)
        if value:
            try:
                validate_email(parseaddr(value)[1])
            except ValidationError as error:
                raise ImproperlyConfigured(
                    f"{name} is {value!r}. Set it to an e-mail address, such as chat@example.org."
                ) from error
        return value

    def origins(self, name: str, default: str = "") -> list[str]:
        """https origins, separated by spaces or commas, without a slash at the end; `off` is none."""
        found: list[str] = []
        text = self.text(name, default)
        if text.lower() == "off":
            return found
        for word in text.replace(",", " ").split():
            origin = word.lower().removesuffix("/")
            if not ORIGIN.fullmatch(origin):
                raise ImproperlyConfigured(
                    f"{name} names {word!r}. List whole https origins, such as https://huggingface.co."
                )
            found.append(origin)
        return found

    def origin(self, name: str) -> str:
        """As http_url, and nothing but scheme, name and port."""
        value = self.http_url(name)
        parts = urlsplit(value)
        if value and (value != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc):
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Give the site a name of its own, such as https://chat.example.org, and no path."
            )
        return value

    def redis_url(self, name: str) -> str:
        value = self.text(name)
        if value:
            from redis.connection import parse_url

            try:
                parse_url(value)  # type: ignore[no-untyped-call]
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{name} is not an address of Redis. Set it to one such as redis://127.0.0.1:6379/0."
                ) from error
        return value

    def size(self, name: str, default: int, *, most: int) -> int:
        """Bytes, written as 1000, 256kB or 1MB."""
        value = self.text(name).lower().replace(" ", "")
        if not value:
            return default
        number, factor = value, 1
        for suffix, times in (("kb", 1024), ("mb", 1024 * 1024), ("b", 1)):
            if value.endswith(suffix):
                number, factor = value.removesuffix(suffix), times
                break
        if not _is_number(number) or not 1 <= int(number) * factor <= most:
            raise ImproperlyConfigured(
                f"{name} is {value!r}. Set it to bytes, such as 256kB, and at most {most // 1024 // 1024}MB."
            )
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
        needed = ["ENGINE", "NAME"] if kind == "db" else ["EMAIL_BACKEND"]
        if "smtp" in parsed.get("EMAIL_BACKEND", ""):
            needed.append("EMAIL_HOST")
        if not all(parsed.get(part) for part in needed):
            raise ImproperlyConfigured(
                f"{name} is not an address that can be understood. Write it as in .env.example."
            )
        return parsed
