import os
from pathlib import Path

from celery.beat import BeatLazyFunc
from shop import beat, environment

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = environment.required("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1")

# What this image is, set when it was built.
RELEASE = os.environ.get("RELEASE", "dev")
FEATURE_GIFT_WRAP = os.environ.get("FEATURE_GIFT_WRAP") == "1"

ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "products",
    "orders",
]
MIDDLEWARE = [
    "shop.middleware.release_header",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "shop.breakage.middleware",
]

DATABASES = {
    "default": environment.database(environment.required("DATABASE_URL"))
    # Connections are kept between requests, and looked at before use: Postgres may have been restarted.
    | {"CONN_MAX_AGE": 300, "CONN_HEALTH_CHECKS": True}
}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 2)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.required("REDIS_URL")

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

TEST_RUNNER = "shop.testing.Runner"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django": {"handlers": ["console"], "level": "INFO", "propagate": False}},
}

# How long processing an order takes, for whoever wants to see tasks in flight.
TASK_SECONDS = float(os.environ.get("TASK_SECONDS", "0"))

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_POOL_LIMIT = environment.integer("WEB_THREADS", 16)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
# One task in hand for each process and no more: what a stopping worker has not begun stays in Redis for the next one.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = environment.integer("WORKER_CONCURRENCY", 2)

BEAT_TICK_SECONDS = environment.integer("BEAT_TICK_SECONDS", 1)
BEAT_LONG_SECONDS = environment.integer("BEAT_LONG_SECONDS", 3600)
CELERY_BEAT_SCHEDULER = "shop.beat:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = "/var/lib/beat/schedule"
# Written after every task sent, so that a beat that was killed does not send one again.
CELERY_BEAT_SYNC_EVERY = 1
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_SCHEDULE = {
    name: {
        "task": "orders.record_beat",
        "schedule": seconds,
        # Called by beat as it sends the task: the row names the beat process, not the worker that writes it.
        "kwargs": {
            "schedule": name,
            "interval": seconds,
            "identity": BeatLazyFunc(beat.identity),
            "at": BeatLazyFunc(beat.now),
        },
    }
    for name, seconds in {"tick": BEAT_TICK_SECONDS, "long": BEAT_LONG_SECONDS}.items()
}
