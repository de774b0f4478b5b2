import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()
# Views are imported now rather than by the first request: once, before gunicorn forks.
get_resolver().url_patterns
