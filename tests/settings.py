"""The site's settings for tests: a data folder of their own, no `.env`, quick hashes, no limits at the door."""

from __future__ import annotations

import os
import tempfile

# Set before the settings are read. Workers inherit the folder; the process that made it removes it.
DATA_FOLDER = os.environ.get("CHATSITE_TEST_DATA_DIR") or tempfile.mkdtemp(prefix="chatsite-test-")
os.environ["CHATSITE_TEST_DATA_DIR"] = DATA_FOLDER
os.environ["DATA_DIR"] = DATA_FOLDER
os.environ["ENV_FILE"] = os.devnull
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # tests start a hundred processes of the same code

from chatsite.settings import *  # noqa: E402, F403 (after the environment)
from chatsite.settings import CACHES, REDIS_URL, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
ACCOUNT_RATE_LIMITS = False

if REDIS_URL:
    # Clearing the cache empties the whole Redis database: each worker has one of its own.
    WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    CACHES["default"]["LOCATION"] = f"{REDIS_URL.rsplit('/', 1)[0]}/{15 - WORKER}"
