"""The settings as they come out of an environment, in this process: read anew, beside those that the tests run with."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from django.core.checks import CheckMessage

from chatsite import checks
from tests.processes import ROOT

READ = re.compile(
    r"environment\.(?:text|integer|switch|choice|key|host|http_url|origin|origins|address|redis_url|size|parsed_url)"
    r'\(\s*"([A-Z_]+)"'
)
READERS = (ROOT / "chatsite/settings.py", ROOT / "accounts/setup.py")

# Whatever one line of text says is right, here at least: what an endpoint or an issuer knows of is theirs to tell.
FREE_TEXT = {
    "OPENAI_MODEL",
    "TRANSCRIPTION_MODEL",
    "SPEECH_MODEL",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "DJANGO_SUPERUSER_PASSWORD",
}
# By name: values that are refused. A name that the code reads is here or above.
MALFORMED: dict[str, tuple[str, ...]] = {
    "ENV_FILE": ("/no/such/file", "/dev"),
    "WEBSITE_HOSTNAME": ("*", ".azurewebsites.net", "https://a.azurewebsites.net", "a b"),
    "SPACE_HOST": ("*", "https://a.hf.space"),
    "HOST": ("http://0.0.0.0", "127.0.0.1:8000", "..", "a" * 300, "two hosts", "*", "-a"),
    "PORT": ("eighty", "0", "99999", "-1", "8000.0", "9" * 5000, "٣"),
    "PUBLIC_URL": (
        "chat.example.org", "https://chat:port", "https://", "https://*", "https://.example.org",
        "https://chat.example.org/chat", "https://chat.example.org?a=b", "https://me@chat.example.org",
        "https://two names", "ftp://chat.example.org", "https://chat.example.org:0",
    ),
    "WEB_CONCURRENCY": ("-1", "0", "65", "two"),
    "TRUSTED_PROXIES": ("-1", "11", "yes"),
    "EMBED_ORIGINS": (
        "*", "https://*.example.org", "http://example.org", "huggingface.co", "https://example.org/page",
        "https://example.org; script-src *", "'self'",
    ),
    "DATA_DIR": ("/dev/null", "/dev/null/data", "/proc/data", "/sys", "/" + "a" * 5000),
    "SECRET_KEY": ("short", "x" * 31),
    "DATABASE_URL": (
        "mysql://root@localhost/x", "nonsense", "postgres://", "postgres://a:b@c:port/d", "sqlite://:memory:",
        "postgres://a:b@127.0.0.1/",
    ),
    "REDIS_URL": ("nonsense", "http://127.0.0.1:6379", "redis://127.0.0.1:port", "redis:/x y"),
    "SIGNUP": ("maybe", "Open"),
    "EMAIL_URL": ("nonsense", "https://mail.example.org", "smtp://mail:port", "smtp://"),
    "EMAIL_FROM": ("nobody", "a@b@c", "@example.org"),
    "OIDC_ISSUER": ("login.example.org", "http://login.example.org"),
    "SIGN_IN_LIMITS": ("perhaps", "2"),
    "OPENAI_API_KEY": ("sk-…", "sk-1 sk-2", "sk-1\n"[:4] + "é"),
    "OPENAI_BASE_URL": ("ftp://models", "127.0.0.1:11434/v1", "http://", "http://[::1/v1"),
    "OPENAI_PROXY": ("socks5://127.0.0.1", "127.0.0.1:7890"),
    "LOCAL_MODEL": ("/no/such/model.gguf", "/dev", "on"),
    "LOCAL_SPEECH": ("loud", "2", "english"),
    "RETENTION_DAYS": ("soon", "-30", "1.5", "36501"),
    "MESSAGE_MAX_BYTES": ("lots", "0", "-1kB", "1GB", "9" * 5000, "1.5MB"),
    "LANGUAGE_CODE": ("tlh", "EN"),
    "TIME_ZONE": ("Mars/Olympus", "../etc/passwd", "America", "x" * 5000),
    "LOG_LEVEL": ("LOUD", "info"),
    "DJANGO_SUPERUSER_USERNAME": ("root",),  # … without a password
    "DJANGO_SUPERUSER_EMAIL": ("nobody",),
}  # fmt: skip
# What a setting needs beside it to be read at all.
BESIDE = {
    "EMAIL_FROM": {"EMAIL_URL": "smtp://mail.example.org"},
    "OIDC_ISSUER": {"OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"},
    "DJANGO_SUPERUSER_EMAIL": {"DJANGO_SUPERUSER_USERNAME": "r", "DJANGO_SUPERUSER_PASSWORD": "p"},
}


def names() -> set[str]:
    """Of everything that the code reads from the environment."""
    return {name for path in READERS for name in READ.findall(path.read_text(encoding="utf-8"))}


def read(folder: Path, variables: dict[str, str]) -> ModuleType:
    """chatsite.settings with these variables and no others. Raises ImproperlyConfigured as it does."""
    every = {f"{name}{ending}" for name in names() for ending in ("", "_FILE")}
    kept = {name: value for name, value in os.environ.items() if name not in every}
    data = {} if {"DATA_DIR", "DATA_DIR_FILE"} & set(variables) else {"DATA_DIR": str(folder)}
    file = {} if {"ENV_FILE", "ENV_FILE_FILE"} & set(variables) else {"ENV_FILE": os.devnull}
    spec = importlib.util.spec_from_file_location("chatsite.settings_anew", READERS[0])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.dict(os.environ, {**kept, **data, **file, **variables}, clear=True):
        spec.loader.exec_module(module)
    return module


def found(settings: ModuleType) -> list[CheckMessage]:
    """What this project's system checks say of them."""
    with patch.object(checks, "settings", settings):
        return [
            message
            for name, check in vars(checks).items()
            if name.startswith("check_")
            for message in check(None)
        ]
