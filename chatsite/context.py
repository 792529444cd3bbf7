"""What every page of ours knows about the site."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from accounts import setup


def site(request: HttpRequest) -> dict[str, object]:
    """At most one query, and none once an administrator has been seen."""
    return {
        "site_name": settings.SITE_NAME,
        "languages": settings.LANGUAGES,
        "data_is_temporary": settings.DATA_IS_TEMPORARY,
        "may_be_framed": bool(settings.EMBED_ORIGINS),
        "needs_administrator": setup.is_needed(),
        "issuer": urlsplit(settings.OIDC_ISSUER).hostname,
        "issuer_id": settings.OIDC_PROVIDER,
        "signup": settings.SIGNUP,
        "signup_is_open": setup.is_signup_open,  # asked where it is shown
    }
