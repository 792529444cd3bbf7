"""The settings of a site that runs as a process of its own in tests: as shipped, but passwords cost nothing."""

from __future__ import annotations

from chatsite.settings import *  # noqa: F403
from chatsite.settings import PASSWORD_HASHERS as SHIPPED

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *SHIPPED]
