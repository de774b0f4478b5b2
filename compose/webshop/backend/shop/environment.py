"""Reads the settings that come from the container's environment."""

import os
import sys
from urllib.parse import parse_qsl, unquote, urlsplit


def required(name):
    value = os.environ.get(name)
    if not value:
        # Not an exception: whoever reads the log of a container that exits should find one line, not a traceback.
        sys.exit(f"{name} is not set: the webshop needs it in its environment")
    return value


def integer(name, default):
    return int(os.environ.get(name) or default)


def words(name, default):
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def database(url):
    """Django's settings for postgres://user:password@host:port/name?option=value"""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        sys.exit("DATABASE_URL must be like postgres://user:password@host:5432/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
