"""The one settings module. Everything is read from the environment here and nowhere else.

A fresh clone works without any variable. `PUBLIC_URL=https://…` turns on the production profile. `.env.example`
explains each variable; `checks.py` refuses combinations that would be unsafe.
"""

from __future__ import annotations

import os
import socket
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from . import space
from .environment import Environment
from .secret import load_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent

environment = ENVIRONMENT = Environment()
_env_file = environment.text("ENV_FILE")
environment.read_file(Path(_env_file or BASE_DIR / ".env"), required=bool(_env_file))

DEBUG = False

# --- Where the site is reached -------------------------------------------------------------------------------------

WEBSITE_HOSTNAME = environment.host("WEBSITE_HOSTNAME")  # set by Azure App Service
SPACE_HOST = environment.host("SPACE_HOST")  # set by Hugging Face Spaces
PLATFORM_HOST = WEBSITE_HOSTNAME or SPACE_HOST

HOST = environment.host("HOST", "0.0.0.0" if PLATFORM_HOST else "127.0.0.1")  # noqa: S104 (the platform's proxy is the only way in)
PORT = environment.integer("PORT", 7860 if SPACE_HOST else 8000, least=1, most=65535)
PUBLIC_URL = environment.origin("PUBLIC_URL") or (
    f"https://{PLATFORM_HOST}" if PLATFORM_HOST else ""
)
SECURE = PUBLIC_URL.startswith("https://")
# Who may show the site in a frame.
EMBED_ORIGINS = environment.origins("EMBED_ORIGINS", space.FRAMER if SPACE_HOST else "")
WEB_CONCURRENCY = environment.integer("WEB_CONCURRENCY", 1, least=1, most=64)
TRUSTED_PROXIES = environment.integer("TRUSTED_PROXIES", 1 if SECURE else 0, least=0, most=10)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _names_of_this_machine() -> list[str]:
    names = {socket.gethostname(), socket.getfqdn()}
    for name in list(names):
        try:
            names.update(str(info[4][0]) for info in socket.getaddrinfo(name, None))
        except OSError:
            continue
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # chooses the outward address; nothing is sent
            names.add(str(probe.getsockname()[0]))
    except OSError:
        pass
    return sorted(f"[{name}]" if ":" in name else name for name in names if name)


ON_LOOPBACK = _is_loopback(HOST)
ALLOWED_HOSTS = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
if PUBLIC_URL:
    # No other: links in mails are made of it. Health checks may use any.
    ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or ""]
    CSRF_TRUSTED_ORIGINS = [f"{urlsplit(PUBLIC_URL).scheme}://{urlsplit(PUBLIC_URL).netloc}"]
elif not ON_LOOPBACK:
    ALLOWED_HOSTS += [*_names_of_this_machine(), HOST]

# --- Files ---------------------------------------------------------------------------------------------------------

_data_dir, _data_stays = environment.text("DATA_DIR"), True
if SPACE_HOST:
    _data_dir, _data_stays = space.choose_data_dir(_data_dir)
DATA_DIR = Path(_data_dir or BASE_DIR / "data")
try:
    DATA_DIR = DATA_DIR.expanduser().resolve()
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # every word that people write is in it
except (OSError, RuntimeError) as error:
    raise ImproperlyConfigured(
        f"DATA_DIR is {DATA_DIR}, which cannot be created ({getattr(error, 'strerror', error)})."
        " Name a folder this user may write to."
    ) from error
SECRET_KEY = environment.text("SECRET_KEY") or load_or_create_secret(DATA_DIR / "secret-key")
SECRET_KEY_IS_GENERATED = not environment.text("SECRET_KEY")

# --- Applications --------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "chatsite",
    "accounts",
    "conversations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "chatsite.middleware.RequestIdMiddleware",
    "chatsite.middleware.HealthMiddleware",  # before anything that looks at the host
    "chatsite.middleware.ProgramsMiddleware",  # before anything that reads a cookie
    "chatsite.middleware.SecurityMiddleware",
    "chatsite.middleware.FramedCookiesMiddleware",
    "chatsite.middleware.ContentSecurityPolicyMiddleware",
    "chatsite.middleware.SessionMiddleware",
    "chatsite.middleware.LocaleMiddleware",
    "chatsite.middleware.CommonMiddleware",
    "chatsite.middleware.CsrfMiddleware",
    "chatsite.middleware.AuthenticationMiddleware",
    "chatsite.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "chatsite.templates.FlushLeft",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chatsite.context.site",
            ],
        },
    },
]

# --- Database, cache, sessions -------------------------------------------------------------------------------------

# One writer at a time, readers never wait: with Django's defaults most contended writes fail as "database is locked".
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=20000;"
        "PRAGMA cache_size=-20000;PRAGMA mmap_size=134217728;PRAGMA foreign_keys=ON;"
    ),
}

if environment.text("DATABASE_URL"):
    database = environment.parsed_url("DATABASE_URL", "db")
else:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "chatsite.sqlite3")}
if database["ENGINE"].endswith("sqlite3"):
    database["OPTIONS"] = SQLITE_OPTIONS
    # Tests run answers in threads of their own: an in-memory database would be another one in each.
    database["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
    if ":memory:" in str(database["NAME"]):
        raise ImproperlyConfigured(
            "DATABASE_URL names a database in memory, of which each process would have another. Name a file."
        )
elif database["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        "DATABASE_URL names a database that is not supported. Use postgres://… or sqlite:///…"
    )
# Known of Hugging Face Spaces: what people write is gone after the next restart.
DATA_IS_TEMPORARY = not _data_stays and database["ENGINE"].endswith("sqlite3")
SECRET_KEY_IS_TEMPORARY = not _data_stays and SECRET_KEY_IS_GENERATED
DATABASES = {"default": {**database, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}}

REDIS_URL = environment.redis_url("REDIS_URL")
_cache: dict[str, object]
if REDIS_URL:
    _cache = {
        "BACKEND": "chatsite.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
elif WEB_CONCURRENCY > 1:
    _cache = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}
else:
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "chatsite"}
if not REDIS_URL:
    _cache["OPTIONS"] = {
        "MAX_ENTRIES": 20_000
    }  # Django's 300 would let pages push out sign-in limits
CACHES = {"default": {**_cache, "KEY_PREFIX": "chatsite"}}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SAMESITE: Literal["None", "Lax"] = "None" if EMBED_ORIGINS else "Lax"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = SAMESITE
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- Accounts ------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

SIGNUP = environment.choice(
    "SIGNUP",
    "open" if ON_LOOPBACK and not PUBLIC_URL else "closed",
    ("open", "approval", "invite", "closed"),
)

EMAIL_URL = environment.text("EMAIL_URL")
if EMAIL_URL:
    _mail = environment.parsed_url("EMAIL_URL", "email")
    globals().update({key: value for key, value in _mail.items() if key.startswith("EMAIL_")})
    DEFAULT_FROM_EMAIL = SERVER_EMAIL = environment.address("EMAIL_FROM") or (
        _mail.get("EMAIL_HOST_USER") or "chatsite@localhost"
    )
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20

FORM_RENDERER = "chatsite.forms.Renderer"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
if EMAIL_URL:
    ACCOUNT_SIGNUP_FIELDS[1] = "email*"
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
USERSESSIONS_TRACK_ACTIVITY = False

MFA_ADAPTER = "accounts.second_factors.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # clocks of telephones differ, and people type slowly
# Here an address that is not verified lets nobody in, so it keeps nobody out.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "activate_totp": "accounts.second_factors.ActivateAppForm",
    "authenticate": "accounts.second_factors.CodeForm",
    "reauthenticate": "accounts.second_factors.ConfirmByCodeForm",
    "login_webauthn": "accounts.second_factors.SignInByPasskeyForm",
    "authenticate_webauthn": "accounts.second_factors.PasskeyForm",
    "reauthenticate_webauthn": "accounts.second_factors.ConfirmByPasskeyForm",
    "add_webauthn": "accounts.second_factors.AddPasskeyForm",
    "edit_webauthn": "accounts.second_factors.RenamePasskeyForm",
}

OIDC_ISSUER = environment.http_url("OIDC_ISSUER")
OIDC_CLIENT_ID = environment.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = environment.text("OIDC_CLIENT_SECRET")
# In the database: another issuer has other people under the same numbers.
OIDC_PROVIDER = f"sso-{sha256(OIDC_ISSUER.encode()).hexdigest()[:12]}"
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "provider_class": "accounts.openid.Provider",
        "APPS": [
            {
                "provider_id": OIDC_PROVIDER,
                "name": urlsplit(OIDC_ISSUER).hostname,
                "client_id": OIDC_CLIENT_ID,
                "secret": OIDC_CLIENT_SECRET,
                "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
            }
        ],
    }
}

# By name, because accounts know nothing of conversations: see accounts.services.delete_account.
BEFORE_ACCOUNT_GOES = "conversations.deletion.before_account_goes"
READ_CHATS_PAGE = "conversations:others-chats"  # where the administration leads from an account
CHAT_PAGE = "conversations:conversation"  # where people look at what was read of theirs

SIGN_IN_LIMITS = environment.switch("SIGN_IN_LIMITS", default=True)
if not SIGN_IN_LIMITS:
    ACCOUNT_RATE_LIMITS = False

# --- Models and conversations --------------------------------------------------------------------------------------

OPENAI_API_KEY = environment.key("OPENAI_API_KEY")
OPENAI_BASE_URL = environment.http_url("OPENAI_BASE_URL")
OPENAI_MODEL = environment.text("OPENAI_MODEL")
TRANSCRIPTION_MODEL = environment.text("TRANSCRIPTION_MODEL")
SPEECH_MODEL = environment.text("SPEECH_MODEL")
OPENAI_PROXY = environment.http_url("OPENAI_PROXY")
LOCAL_MODEL = environment.text("LOCAL_MODEL")
LOCAL_SPEECH = environment.switch("LOCAL_SPEECH", default=False)
ENDPOINT_CONFIGURED = bool(OPENAI_API_KEY or OPENAI_BASE_URL)

# 0: conversations are kept until somebody deletes them.
RETENTION_DAYS = environment.integer("RETENTION_DAYS", 0, least=0, most=36500)

MESSAGE_MAX_BYTES = environment.size("MESSAGE_MAX_BYTES", 256 * 1024, most=16 * 1024 * 1024)
# A form field grows threefold when percent-encoded; the message's own limit is enforced on the text.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * MESSAGE_MAX_BYTES + 64 * 1024

# --- Languages and time --------------------------------------------------------------------------------------------

LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_CODE = environment.choice("LANGUAGE_CODE", "en", [code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = environment.text("TIME_ZONE", "UTC")
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, ValueError, OSError) as error:
    raise ImproperlyConfigured(
        f"TIME_ZONE is {TIME_ZONE!r}, which is not known. Set it to a name such as Europe/Berlin."
    ) from error
USE_TZ = True
SITE_NAME = _("Chatsite")

# --- Static files --------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "chatsite.storage.HashedStaticStorage"},
}

# --- Security ------------------------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
CSRF_FAILURE_VIEW = "chatsite.views.csrf_failure"
if SECURE:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains is the owner's decision, not this site's
    "security.W021",  # … and so is preloading
]

# --- Logs ----------------------------------------------------------------------------------------------------------

LOG_LEVEL = environment.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "chatsite.logs.RequestIdFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": LOG_LEVEL} for name in ("chatsite", "accounts", "conversations")},
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
