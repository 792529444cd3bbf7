"""The secret key of a site that was not given one: made once, kept in a file that only its user may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def load_or_create_secret(path: Path) -> str:
    """The key in `path`, made there first if need be. Two processes that start at once agree on one key."""
    try:
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            try:
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(secrets.token_urlsafe(48))
                os.link(fresh, path)  # refuses if another process was first
            except FileExistsError:
                pass
            finally:
                fresh.unlink(missing_ok=True)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ImproperlyConfigured(
            f"The secret key in {path} cannot be read or written ({reason})."
            " Name a folder in DATA_DIR that this user may write to, or set SECRET_KEY."
        ) from error
    if len(key) < 32:
        raise ImproperlyConfigured(
            f"The secret key in {path} is damaged. Delete the file (everyone signs in again)."
        )
    return key
