"""System checks: a configuration that would be unsafe or would not work does not start.

Ids: chatsite.E001 … errors, chatsite.W001 … warnings. Malformed single values are refused in `environment.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def check_processes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
    if settings.WEB_CONCURRENCY > 1:
        if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            errors.append(
                Error(
                    f"WEB_CONCURRENCY is {settings.WEB_CONCURRENCY}, but the database is SQLite.",
                    hint="Set DATABASE_URL=postgres://… or WEB_CONCURRENCY=1.",
                    id="chatsite.E001",
                )
            )
        if settings.SECRET_KEY_IS_GENERATED:
            errors.append(
                Error(
                    "WEB_CONCURRENCY is above 1, but SECRET_KEY is not set.",
                    hint="Set SECRET_KEY to a long random text, the same on every node.",
                    id="chatsite.E002",
                )
            )
    return errors


@register()
def check_public(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
    if settings.PUBLIC_URL and not settings.SIGN_IN_LIMITS:
        errors.append(
            Error(
                "SIGN_IN_LIMITS is off on a public site.",
                hint="Remove SIGN_IN_LIMITS; it is for tests.",
                id="chatsite.E003",
            )
        )
    if settings.SECURE and not settings.TRUSTED_PROXIES:
        errors.append(
            Error(
                "TRUSTED_PROXIES is 0, but PUBLIC_URL is an https address: who ends TLS is not believed, and every page"
                " would only lead to itself.",
                hint="Set TRUSTED_PROXIES to the number of proxies in front, or remove it.",
                id="chatsite.E013",
            )
        )
    if len(settings.SECRET_KEY) < 32:
        errors.append(
            Error(
                "SECRET_KEY is shorter than 32 characters.",
                hint="Set a longer random text, or remove it and one is made.",
                id="chatsite.E004",
            )
        )
    return errors


@register()
def check_frames(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMBED_ORIGINS and not settings.SECURE:
        return [
            Error(
                "EMBED_ORIGINS is set, but PUBLIC_URL is not an https address: without https browsers keep no cookie of"
                " a page in a frame, and nobody could sign in.",
                hint="Set PUBLIC_URL=https://…, or remove EMBED_ORIGINS.",
                id="chatsite.E010",
            )
        ]
    return []


@register()
def check_app_service(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Azure App Service: /home is a network share, and the rest of the disk begins anew with each start."""
    if not settings.WEBSITE_HOSTNAME:
        return []
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        if not settings.SECRET_KEY_IS_GENERATED:
            return []
        return [
            Error(
                "SECRET_KEY is not set, and Azure App Service keeps no file that this site could make for it.",
                hint="Set SECRET_KEY to a long random text, or everybody is signed out by each restart.",
                id="chatsite.E012",
            )
        ]
    if (
        settings.ENVIRONMENT.text("DATABASE_URL")
        and Path("/home") not in Path(str(database["NAME"])).parents
    ):
        return [
            Warning(
                "DATABASE_URL names a file: on Azure App Service everything in it is gone after the next restart.",
                hint="Set DATABASE_URL=postgres://… before anybody relies on this site.",
                id="chatsite.W002",
            )
        ]
    return [
        Error(
            "The database is SQLite, which Azure App Service cannot keep: its /home is a network disk, where SQLite"
            " locks up and breaks, and every other folder is emptied by a restart.",
            hint="Set DATABASE_URL=postgres://…, or to try things out, losing all of it with the next restart,"
            " DATABASE_URL=sqlite:////tmp/chatsite.sqlite3.",
            id="chatsite.E011",
        )
    ]


@register()
def check_space(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.WEBSITE_HOSTNAME and settings.SPACE_HOST:
        return [
            Error(
                "WEBSITE_HOSTNAME and SPACE_HOST are both set, but one platform at most runs this site.",
                hint="Remove the one that is not true, and set PUBLIC_URL instead.",
                id="chatsite.E014",
            )
        ]
    if settings.DATA_IS_TEMPORARY:
        return [
            Warning(
                "Everything on this site is lost when the Space restarts: it has no storage at /data that its user 1000"
                " may write to.",
                hint="Attach some in the Space's settings, or set DATABASE_URL=postgres://… and SECRET_KEY.",
                id="chatsite.W003",
            )
        ]
    if settings.SECRET_KEY_IS_TEMPORARY:
        return [
            Warning(
                "Everybody is signed out when the Space restarts, because SECRET_KEY is not set.",
                hint="Set SECRET_KEY to a long random text among the Space's secrets.",
                id="chatsite.W004",
            )
        ]
    return []


@register()
def check_single_sign_on(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    names = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    missing = [name for name in names if not getattr(settings, name)]
    if 0 < len(missing) < len(names):
        return [
            Error(
                f"Single sign-on is not complete without {' and '.join(missing)}.",
                hint=f"Set {', '.join(names)}, or none of them.",
                id="chatsite.E005",
            )
        ]
    issuer = urlsplit(settings.OIDC_ISSUER)
    if issuer.scheme == "http" and issuer.hostname not in {"127.0.0.1", "::1", "localhost"}:
        return [
            Error(
                f"OIDC_ISSUER is {settings.OIDC_ISSUER}: without https anybody on the way could sign in as anybody.",
                hint="Use the issuer's https address.",
                id="chatsite.E007",
            )
        ]
    return []


@register()
def check_spelling(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [
        Warning(
            f"The file with the settings sets {name}, which nothing reads.",
            hint=f"Did you mean {meant}?",
            id="chatsite.W001",
        )
        for name, meant in settings.ENVIRONMENT.misspelled().items()
    ]


@register()
def check_local_model(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    model = settings.LOCAL_MODEL
    if model in {"", "off"} or settings.ENDPOINT_CONFIGURED or Path(model).is_file():
        return []
    return [
        Error(
            f"LOCAL_MODEL names {model}, which is not a file.",
            hint="Set it to the path of a GGUF file, to off, or remove it.",
            id="chatsite.E006",
        )
    ]


@register()
def check_speech(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    names = ("TRANSCRIPTION_MODEL", "SPEECH_MODEL")
    wanted = {name: getattr(settings, name) for name in names if getattr(settings, name)}
    if wanted and not settings.ENDPOINT_CONFIGURED:
        return [
            Error(
                f"{' and '.join(wanted)} cannot be served: no endpoint is configured.",
                hint=f"Set OPENAI_BASE_URL or OPENAI_API_KEY, or remove {' and '.join(wanted)}.",
                id="chatsite.E008",
            )
        ]
    models = [name for name in (settings.OPENAI_MODEL, *wanted.values()) if name]
    if len(set(models)) < len(models):
        return [
            Error(
                "OPENAI_MODEL, TRANSCRIPTION_MODEL and SPEECH_MODEL name the same model twice.",
                hint="Each of them is for another one; remove what the model does not do.",
                id="chatsite.E009",
            )
        ]
    return []
