import importlib.util
import os
from urllib.parse import urlsplit

_url = urlsplit(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "USER": _url.username,
        "PASSWORD": _url.password,
        "HOST": _url.hostname,
        "PORT": _url.port,
    },
    "aside": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/aside"},
}
DATABASE_ROUTERS = ["kinds.routers.Aside"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only-for-tests"
USE_TZ = True

_PACKAGES = ["allauth", "allauth.account", "allauth.socialaccount", "guardian", "taggit"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "kinds",
] + [name for name in _PACKAGES if importlib.util.find_spec(name.split(".")[0])]
SITE_ID = 1
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
