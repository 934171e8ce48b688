"""Settings: one file, read from the environment. `.env.example` lists every variable."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from lpo import environment as env

if find_spec("psycopg") is not None:
    # Django silently prefers psycopg 3 when it is importable; the project is written and tested on psycopg2.
    raise ImproperlyConfigured("psycopg 3 is installed; Django would use it instead of psycopg2. Run: pip uninstall psycopg")

BASE_DIR = Path(__file__).resolve().parent.parent
PRODUCTION = env.flag("LPO_PRODUCTION", default=False)
DEBUG = env.flag("LPO_DEBUG", default=False)
TESTING = "pytest" in sys.modules

# --- secrets: no value that works in production has a default ----------------------------------------------------
_DEVELOPMENT_KEY = None if PRODUCTION else "development-only-key-that-is-never-used-in-production-0123456789"
SECRET_KEY = env.text(
    "LPO_SECRET_KEY", _DEVELOPMENT_KEY, advice="Generate one: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
)
# Encrypts second factors at rest; kept apart from SECRET_KEY so that either can be rotated alone.
MFA_ENCRYPTION_KEYS = env.words("LPO_MFA_KEYS", "") or ([] if PRODUCTION else [SECRET_KEY])
if PRODUCTION and not MFA_ENCRYPTION_KEYS:
    raise ImproperlyConfigured("LPO_MFA_KEYS is not set. It encrypts second factors; generate it as LPO_SECRET_KEY is.")

ALLOWED_HOSTS = env.words("LPO_ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1],testserver")
BASE_URL = env.text("LPO_BASE_URL", "http://localhost:8000")
CSRF_TRUSTED_ORIGINS = env.words("LPO_TRUSTED_ORIGINS", BASE_URL)

INSTALLED_APPS = [
    "lpo.core",
    "lpo.tenancy",
    "lpo.accounts",
    "lpo.audit",
    "lpo.jobs",
    "engagements",
    "sla",
    "billing",
    "lpo.reports",
    "lpo.api",
    "lpo.portal",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "lpo.core.middleware.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "lpo.core.middleware.PrivateResponseMiddleware",
    # Outside of what answers by itself, such as the redirect to an address with its slash.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "lpo.core.middleware.PlainTextMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "lpo.accounts.middleware.SessionLimitMiddleware",
    # Innermost: owns the transaction in which the organization, client and database role are set.
    "lpo.accounts.middleware.TenancyMiddleware",
]

ROOT_URLCONF = "lpo.urls"
WSGI_APPLICATION = "lpo.wsgi.application"
APPEND_SLASH = True

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
                "lpo.accounts.navigation.navigation",
            ],
            "builtins": ["lpo.core.templatetags.components", "lpo.core.templatetags.formats"],
        },
    }
]
# Widgets come from `templates/` first.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- database ---------------------------------------------------------------------------------------------------
_APP_URL = env.text("DATABASE_URL", "postgresql://lpo_app@localhost/lpo")
_OWNER_URL = env.text("DATABASE_OWNER_URL", "")
_AS_OWNER = os.environ.get("LPO_DATABASE_ROLE") == "owner"
if _AS_OWNER and not _OWNER_URL:
    raise ImproperlyConfigured(
        "DATABASE_OWNER_URL is not set. Migrations run as lpo_owner; the application's DATABASE_URL cannot change the schema."
    )
DATABASES = {
    "default": {
        **(env.postgres(_OWNER_URL, "DATABASE_OWNER_URL") if _AS_OWNER else env.postgres(_APP_URL, "DATABASE_URL")),
        "ATOMIC_REQUESTS": True,
        # Behind a transaction pooler a server connection outlives the client's only within a transaction.
        "CONN_MAX_AGE": env.number("LPO_CONNECTION_SECONDS", 60),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
DATABASE_OWNER_URL = _OWNER_URL
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis and Celery: a message is only a wake-up, the truth is the Job row ----------------------------------------
REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)  # Celery's name for the same socket
# No process works longer on one job, nor holds more memory: an endless loop or a hoard ends with the attempt.
JOB_HARD_LIMIT_SECONDS = env.number("LPO_JOB_SECONDS", 900)
if JOB_HARD_LIMIT_SECONDS <= 60:
    raise ImproperlyConfigured("LPO_JOB_SECONDS is more than 60: the last minute is left to a job to end by itself.")
JOB_MEMORY_MB = env.number("LPO_JOB_MEMORY_MB", 2048)
_VISIBILITY_SECONDS = JOB_HARD_LIMIT_SECONDS + 300  # above the hard limit, or a long task runs as several copies
_BROKER_OPTIONS = {
    "visibility_timeout": _VISIBILITY_SECONDS,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_TRANSPORT_OPTIONS = _BROKER_OPTIONS
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": _VISIBILITY_SECONDS}
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_SECONDS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = JOB_HARD_LIMIT_SECONDS
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_SEND_TASK_EVENTS = False

CACHES = {
    "default": {
        "BACKEND": "lpo.core.cache.CounterCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "lpo",
    }
}

# --- accounts ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed only: tests sign in thousands of times
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "lpo.accounts.adapters.AccountAdapter"
MFA_ADAPTER = "lpo.accounts.adapters.MFAAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_FORMS = {"signup": "lpo.accounts.forms.InvitedSignupForm"}
ACCOUNT_CHANGE_EMAIL = True  # one address a person; a new one replaces it once confirmed
ACCOUNT_EMAIL_NOTIFICATIONS = True  # "your password was changed", with address and browser
# Counted in the cache. `key` is the address tried: guessing one account is stopped wherever the guesses come from.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "10/m/ip",
    "reset_password": "10/m/ip,3/10m/key",
    "reset_password_from_key": "10/m/ip",
    "reauthenticate": "5/m/user",
    "change_password": "5/m/user",
    "manage_email": "5/m/user",
    "confirm_email": "1/3m/key",
}
# How many proxies of ours stand in front. 0: X-Forwarded-For is ignored, since anyone may write it.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("LPO_PROXY_COUNT", 0)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "LPO"
USERSESSIONS_TRACK_ACTIVITY = False  # last-seen stamps are ours, written at most once a minute
REQUIRE_STAFF_MFA_DEFAULT = PRODUCTION

EMAIL_BACKEND = env.text(
    "LPO_EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend" if PRODUCTION else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = env.text("LPO_EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("LPO_EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("LPO_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("LPO_EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env.flag("LPO_EMAIL_TLS", default=PRODUCTION)
DEFAULT_FROM_EMAIL = env.text("LPO_EMAIL_FROM", "LPO <no-reply@localhost>")

# --- sessions and security ----------------------------------------------------------------------------------------
SECURE_COOKIES = env.flag("LPO_SECURE_COOKIES", default=PRODUCTION)
_HOST = "__Host-" if SECURE_COOKIES else ""
SESSION_COOKIE_NAME = f"{_HOST}session"
CSRF_COOKIE_NAME = f"{_HOST}csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_SECONDS = 30 * 60
PORTAL_IDLE_SECONDS = 15 * 60
CSRF_FAILURE_VIEW = "lpo.core.views.csrf_failure"
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 63_072_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.number("LPO_PROXY_COUNT", 0):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
    }
}
UPLOAD_LIMIT_BYTES = 100 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# The largest form maps 200 statuses (four fields each) and 200 names (two) of an event log.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "engagements.uploads.SizeLimitHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- language, static files -----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("LPO_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING or DEBUG
# Source maps are read by nobody but a developer's tools; compressing them costs more time than all the rest together.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "br", "woff", "woff2", "map")

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["lpo.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["lpo.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lpo.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "lpo.api.schema.DescribedSchema",
    "DEFAULT_PAGINATION_CLASS": "lpo.api.pagination.KeysetPagination",
    "EXCEPTION_HANDLER": "lpo.api.problems.problem_response",
    "DEFAULT_THROTTLE_CLASSES": ["lpo.api.throttles.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": "600/min"},
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LPO engagement management",
    "DESCRIPTION": "From contracted service level to invoice line, with the evidence behind each figure.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices stay where they are used: hoisting them into named enums collides over the many fields called state.
    "POSTPROCESSING_HOOKS": [],
}

# --- logs: one JSON object a line, with request id and organization ---------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "lpo.core.logs.ContextFilter"}},
    "formatters": {"json": {"()": "lpo.core.logs.JSONFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["context"], "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.text("LPO_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        # The fonts of the invoice are packaged; what a subset drops is not news.
        "fontTools": {"level": "ERROR"},
        # A message is only a wake-up; lpo.jobs.runner tells of each job, and the pulse would say so every few seconds.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
    },
}
