"""Settings, read from the environment; the defaults suit a single host."""

from __future__ import annotations

import ipaddress
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels

from webapp import private_home
from webapp.api_settings import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 - settings
from webapp.cache_settings import CACHES  # noqa: F401 - settings
from webapp.celery_config import celery_settings
from webapp.integration_settings import *  # noqa: F403 - settings
from webapp.secret_key import stored_key
from webapp.storage_settings import *  # noqa: F403 - settings
from webapp.telemetry import error_reports
from webapp.telemetry.logging_settings import logging_settings

django_stubs_ext.monkeypatch()  # allows ModelAdmin[Case] at run time
env = environ.FileAwareEnv()  # NAME_FILE=path reads the value of NAME from a file, such as a mounted secret


def secret(name: str) -> str:
    """Return a secret or "", without the line break that ends a file."""
    return env.str(name, default="").strip()


BASE_DIR = Path(__file__).resolve().parent.parent
READROOM_HOME = Path(env.str("READROOM_HOME", default=str(BASE_DIR / "var"))).resolve()
MEDIA_ROOT = READROOM_HOME / "media"
BUNDLES = READROOM_HOME / "bundles"
RUNS = READROOM_HOME / "runs"
ENGINES = Path(env.str("READROOM_ENGINES", default=str(READROOM_HOME / "engines")))  # exported networks
SERVING_ENGINE = env.str("READROOM_SERVING_ENGINE", default="auto")  # or "tensorflow"
INCOMING = READROOM_HOME / "incoming"  # uploaded collections before their import
COPIES = READROOM_HOME / "copies"  # of radiographs in S3, while a training run reads them
STAGED = READROOM_HOME / "staged"  # files of upload lists before they are sent
IMPORTS = Path(env.str("READROOM_IMPORTS", default=str(READROOM_HOME / "imports"))).resolve()
DEFAULT_BUNDLE = Path(
    env.str("READROOM_DEFAULT_BUNDLE", default=str(BASE_DIR / "ml" / "bundles" / "default"))
)
STATIC_ROOT = READROOM_HOME / "static"
private_home.restrict(READROOM_HOME)
for _folder in (STATIC_ROOT, READROOM_HOME / "uploads"):
    _folder.mkdir(parents=True, exist_ok=True)

DISK_RESERVE = env.int("READROOM_DISK_RESERVE_MB", default=64) * 1024**2  # for the database on a full disk

# Database and broker: SQLite and a folder, or PostgreSQL and Redis.
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{READROOM_HOME / 'db.sqlite3'}")
BROKER_URL = env.str("BROKER_URL", default="filesystem://")
DATABASES: dict[str, Any] = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a writer waits at its start instead of failing later
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
    }
else:
    # Apart from DATABASE_URL, so that it can be a secret file that PostgreSQL reads too.
    DATABASES["default"]["PASSWORD"] = secret("DATABASE_PASSWORD") or DATABASES["default"]["PASSWORD"]
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 12, "timeout": 10},
        "options": "-c jit=off",  # compiling a query of a list takes 0.2 s, running it some milliseconds
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Without SECRET_KEY a single host stores its own key in the home. Hosts that share a PostgreSQL must be given
# the same key; webapp.checks enforces it.
SECRET_KEY_GIVEN = bool(secret("SECRET_KEY"))
if SECRET_KEY_GIVEN:
    SECRET_KEY = secret("SECRET_KEY")
elif DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    SECRET_KEY = stored_key(READROOM_HOME / "secret_key")
else:
    SECRET_KEY = secrets.token_urlsafe(64)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "webapp",
    "diagnostics.jobs",
    "diagnostics.privacy",
    "diagnostics.integrations",
    "diagnostics.monitoring",
    "diagnostics.training",
    "diagnostics.review",
    "diagnostics.imports",
    "diagnostics.uploads",
    "diagnostics.cases",
    "diagnostics.patients",
    "diagnostics.registry",
    "diagnostics.accounts",
    "diagnostics.audit",
    "diagnostics.storage",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "diagnostics.accounts.apps.StaffAdminConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",  # FORM_RENDERER finds widget templates through the apps
]
MIDDLEWARE = [
    "webapp.request_id.RequestId",  # first, so that every response has an id
    "webapp.response_headers.SecurityHeaders",
    "webapp.disk_reserve.ReleaseDiskReserve",
    "webapp.proxies.BehindProxies",
    "webapp.telemetry.requests.MeasureRequests",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "webapp.response_headers.NoStore",
    "webapp.api.entity_tags.EntityTags",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webapp.sessions.SessionLimits",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.request_limits.AnonymousBodies",
    "webapp.sessions.RequiredSecondFactor",
    "webapp.api.idempotency.IdempotencyKeys",
    "webapp.domain_errors.DomainErrorPages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.request_id.template_context",
            ]
        },
    }
]
# The tone of includes/alert.html by message level.
MESSAGE_TAGS = {
    message_levels.DEBUG: "info",
    message_levels.INFO: "info",
    message_levels.SUCCESS: "good",
    message_levels.WARNING: "warn",
    message_levels.ERROR: "stat",
}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "webapp.static_storage.HashedStatic"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# Users
AUTH_USER_MODEL = "accounts.User"
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # earlier keys, while one is replaced
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_PASSWORDS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_PASSWORDS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_PASSWORDS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_PASSWORDS}.CommonPasswordValidator"},
    {
        "NAME": f"{_PASSWORDS}.CommonPasswordValidator",
        "OPTIONS": {
            "password_list_path": BASE_DIR / "diagnostics" / "accounts" / "breached_passwords.txt.gz"
        },
    },
    {"NAME": "diagnostics.accounts.password_rules.NamesValidator"},
    {"NAME": f"{_PASSWORDS}.NumericPasswordValidator"},
]
SESSION_MAX_AGE = timedelta(hours=12)
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=4).total_seconds())  # of a link that an administrator creates
SESSION_COOKIE_AGE = int(SESSION_MAX_AGE.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# Browsers. Set HTTPS=1 behind a reverse proxy with a certificate.
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
PROXIES = env.int("PROXIES", default=0)  # number of proxies that append to X-Forwarded-For
CONNECTIONS_PER_ADDRESS = env.int("CONNECTIONS_PER_ADDRESS", default=0 if PROXIES else 100)  # 0: no limit
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [
            SELF,
            "data:",
            "blob:",
        ],  # data: for Bootstrap's icons, blob: for previews of selected files
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # without files
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 200
# With files, for logged-in users; the limit of all others is DATA_UPLOAD_MAX_MEMORY_SIZE.
MAX_STAFF_FORM_BYTES = 2 * 1024**3
FILE_UPLOAD_PERMISSIONS = 0o600  # also of collected static files; Django's default lets everyone read them
# Larger files; the sweeper finds those of a killed process there.
FILE_UPLOAD_TEMP_DIR = Path(env.str("UPLOAD_TEMP_DIR", default=str(READROOM_HOME / "uploads")))
FILE_UPLOAD_HANDLERS = [
    "webapp.request_limits.BoundedFormUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Language and time zone
USE_TZ = True
USE_I18N = True
TIME_ZONE = env.str("READROOM_TIME_ZONE", default="UTC")
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# Decoding of uploads, bounded over all processes of the host
DECODING_SLOTS = env.int("READROOM_DECODING_SLOTS", default=min(4, os.cpu_count() or 1))
DECODING_SLOTS_FOLDER = READROOM_HOME / "decoding"  # lock files
DECODING_WAIT = 10.0  # seconds until an upload is answered with 503

# Files of one user that are staged and not yet sent
STAGING_BYTES = env.int("READROOM_STAGING_MB", default=4000) * 10**6

# Jobs
INFERENCE_LEASE = timedelta(seconds=15)  # renewed by the heartbeat; the delay after a worker's crash
TRAINING_LEASE = timedelta(seconds=20)
IMPORT_LEASE = timedelta(seconds=15)
CLAIM_LEASE = timedelta(minutes=10)
CELERY = celery_settings(BROKER_URL, READROOM_HOME, shares_home=S3 is None)  # noqa: F405

# Requests of one API token or session in a minute, on one host; 0: no limit
API_RATE = env.int("READROOM_API_RATE", default=3000)
API_RATE_FILE = READROOM_HOME / "api-rate"

# Who requested the training of a version may promote it, at a site with one administrator.
ONE_PERSON_APPROVAL = env.bool("READROOM_ONE_PERSON_APPROVAL", default=False)

# Audit log
AUDIT_RETENTION_YEARS = max(
    1, env.int("READROOM_AUDIT_YEARS", default=10)
)  # `manage.py prune_audit` keeps these

# Metrics are counted in one file per process of a host; webapp.telemetry sums them.
METRICS_DIR = Path(env.str("METRICS_DIR", default=str(READROOM_HOME / "metrics")))
METRICS_DIR.mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)  # read by prometheus_client at its import
METRICS_TOKEN = secret("METRICS_TOKEN")
METRICS_NETWORKS = [ipaddress.ip_network(network) for network in env.list("METRICS_NETWORKS", default=[])]

LOG_FORMAT = env.str("LOG_FORMAT", default="plain")  # or json
LOG_REQUESTS = env.bool("LOG_REQUESTS", default=LOG_FORMAT == "json")
LOGGING = logging_settings(log_format=LOG_FORMAT, level=env.str("LOG_LEVEL", default="INFO"))

# Error reports to a Sentry server, off by default.
error_reports.start(secret("SENTRY_DSN"), release=env.str("SENTRY_RELEASE", default="readroom"))
