"""All settings, each environment variable read once; see .env.example for the list.

The defaults serve one laptop: SQLite, files as the message queue, no server installed. Nothing here is a secret:
without SECRET_KEY a random key is made once and kept in the data directory.
"""

import os
import socket
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import reading
from operations import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = reading.env
environ.Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("CONCORD_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
ARTIFACT_URL = reading.artifact_url(DATA_DIR)
"""Where artefacts are kept for all machines, s3://bucket/prefix or file:///folder; "" is the data directory itself."""
RUNS_DIR = DATA_DIR / "runs"
SNAPSHOTS_DIR = DATA_DIR / "snapshots"
CORPORA_DIR = DATA_DIR / "corpora"
MODELS_DIR = DATA_DIR / "models"

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = reading.secret_key(DATA_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("HTTPS", default=False)

INSTALLED_APPS = [
    "annotate",
    "rlhf",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
    "operations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "knox",
    "drf_spectacular",
]
MIDDLEWARE = [
    "operations.request_log.numbered",
    "django.middleware.security.SecurityMiddleware",
    "config.delivery.without_devices",
    "config.delivery.StaticFiles",
    "config.delivery.PagesInGzip",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "annotate.audit.remembered",
    "annotate.middleware.readable_redirects",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "operations.limits.Limited",
    "operations.sessions.EndedForStaff",
    "operations.second_factor.AskedOfStaff",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "rlhf.middleware.StoreAway",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "annotate.context.navigation",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    }
]

# --- database -----------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'concord.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL + IMMEDIATE: 0 «database is locked» under load against 159 with Django's defaults. FULL: nothing acknowledged
    # is lost when the power goes.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;",
    }
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # a file: the tests' workers must see it, too
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
else:
    raise ImproperlyConfigured("DATABASE_URL: expected sqlite:///… or postgres://…; other databases are not tested.")

# --- people -------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "annotate.accounts.AccountsWithRoles"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- signing in ---------------------------------------------------------------------------------------------------
# Five wrong passwords for a name from an address close that pair for 15 minutes. By the name alone, anybody could lock
# anybody out; by the address alone, one student a whole class.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "operations.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "operations.sign_in.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # who came when, from where, is nobody's business
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
MFA_REQUIRED = env.bool("MFA_REQUIRED", default=HTTPS)
"""Whether staff sign in with a second factor, too; see operations.second_factor."""
OTP_TOTP_ISSUER = "Concord"
RATE_LIMIT_FACTOR = env.float("RATE_LIMIT_FACTOR", default=1.0)
"""Multiplies the limits of operations.limits; 0 takes them away."""

# --- security headers ---------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False  # htmx and rank.js send it back as a header
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"  # browsers take it from this host alone, over TLS
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=30 if HTTPS else 0)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12 if HTTPS else 0)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked by machines within the house, by http
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
PROXY_COUNT = env.int("PROXY_COUNT", default=1 if BEHIND_PROXY else 0)
"""How many proxies of ours add to X-Forwarded-For; see operations.addresses."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=2 * 2**30)
PROJECT_MAX_BYTES = env.int("PROJECT_MAX_BYTES", default=0)
"""Of the weights that a project's checkpoints have, before a run that leaves another is refused; 0: no limit."""

# --- language, time, static files ---------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]  # of annotators' pages; the staff's are in English
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
STATIC_BUILT = DATA_DIR / "pages"  # static/ as pages get it: see config.delivery
STATIC_BUILT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static", STATIC_BUILT]
STATIC_ROOT = DATA_DIR / "staticfiles"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "uploads"},
    },
    "staticfiles": {"BACKEND": "config.delivery.NamedByContent"},
}
WHITENOISE_USE_FINDERS = True

# --- queue --------------------------------------------------------------------------------------------------------
# A message is a bell, the run row the truth: every embedded transport loses messages on kill -9, and the sweeper
# (rlhf.tasks.reap_lost_runs) rings again.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "reap-lost-runs": {"task": "rlhf.tasks.reap_lost_runs", "schedule": 10.0},
    "release-expired": {"task": "annotate.tasks.release_expired", "schedule": 60.0},
    "seal-audit": {"task": "annotate.tasks.seal_audit", "schedule": 60.0, "options": {"expires": 60}},
    "sync-prolific": {"task": "annotate.tasks.sync_prolific", "schedule": 300.0},
    "make-stale-reports": {"task": "annotate.tasks.make_stale_reports", "schedule": 900.0, "options": {"expires": 900}},
    "pause-failing": {"task": "annotate.tasks.pause_failing", "schedule": 3600.0, "options": {"expires": 3600}},
    "catch-up-statistics": {"task": "annotate.tasks.catch_up_statistics", "schedule": 600.0},
    "delete-unused-buckets": {"task": "operations.tasks.delete_unused_buckets", "schedule": 3600.0},
    "deliver-events": {"task": "annotate.tasks.deliver_events", "schedule": 10.0, "options": {"expires": 10}},
}
if CELERY_BROKER_URL.startswith("filesystem"):
    _queue_dir = DATA_DIR / "queue"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue_dir / "messages"),
        "data_folder_out": str(_queue_dir / "messages"),
        "control_folder": str(_queue_dir / "control"),
    }
    for _name in ("messages", "control"):
        (_queue_dir / _name).mkdir(parents=True, exist_ok=True)
elif CELERY_BROKER_URL.startswith("amqp"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}

# --- runs ---------------------------------------------------------------------------------------------------------
RUN_QUEUES = reading.queues("RUN_QUEUES")
"""Where runs wait for a worker that listens there: queues by capability, the default first."""
RUN_LEASE_SECONDS = env.int("RUN_LEASE_SECONDS", default=60)
RUN_HUNG_SECONDS = env.int("RUN_HUNG_SECONDS", default=900)
RUN_MAX_ATTEMPTS = env.int("RUN_MAX_ATTEMPTS", default=5)
TRAINING_NODES = reading.nodes("TRAINING_NODES")
"""Machines that train one model together, that of the worker first."""
TRAINING_NODE_PROCESSES = reading.node_processes("TRAINING_NODE_PROCESSES", nodes=TRAINING_NODES)
TRAINING_NODE_SHELL = reading.node_shell("TRAINING_NODE_SHELL")
VLLM_PYTHON = env.str("VLLM_PYTHON", default="")
"""A Python on the workers in which vLLM is installed, for the profile that writes with it."""

# --- logs and metrics ---------------------------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT: expected text or json, got {LOG_FORMAT!r}.")
LOGGING = logs.configuration(LOG_FORMAT)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS = reading.networks("METRICS_NETWORKS")
"""Who may read /metrics, with the token or from these networks (10.0.0.0/8); nobody by default."""
METRICS_DIR = DATA_DIR / "metrics" / socket.gethostname()
METRICS_DIR.mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)  # read by prometheus_client when it is imported

# --- crowd --------------------------------------------------------------------------------------------------------
PROLIFIC_TOKEN = env.str("PROLIFIC_TOKEN", default="")
PROLIFIC_API_URL = env.str("PROLIFIC_API_URL", default="https://api.prolific.com")

# --- API and webhooks ---------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotate.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["annotate.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["operations.throttle.AccountThrottle"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotate.api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {"TOKEN_MODEL": "annotate.ApiToken"}
KNOX_TOKEN_MODEL = "annotate.ApiToken"  # noqa: S105  a model's name
MIGRATION_MODULES = {"knox": None}  # its migrations would make a table beside ours that nothing reads or empties
SPECTACULAR_SETTINGS = {
    "TITLE": "Concord",
    "DESCRIPTION": "Human-preference annotation and RLHF in one working loop. See docs/api.md.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PUBLIC": False,  # the schema shows an account what its roles may use
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AssignmentState": "annotate.models.Assignment.State",
        "RunState": "rlhf.models.Run.State",
    },
}
WEBHOOK_NETWORKS = env.list("WEBHOOK_NETWORKS", default=[])
"""Networks beside the public ones that webhooks may reach, such as 10.0.0.0/8; http is allowed in these only."""
