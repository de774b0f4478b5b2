"""Asks the database and the broker, since without them no request can be served."""

from contextlib import closing

import redis
from django.conf import settings
from django.db import connection
from django.http import JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from shop import breakage

broker = redis.Redis.from_url(
    settings.REDIS_URL,
    socket_connect_timeout=1,
    socket_timeout=1,
    # Once more at once: the kept connection may be from before a restart of Redis.
    retry=Retry(NoBackoff(), 1),
)


def ask_postgres():
    # A connection of its own: the connect timeout bounds this even when Postgres accepts and then says nothing, which
    # a query on a kept connection would wait for without end.
    with closing(connection.copy()) as database, database.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_redis():
    broker.ping()


def check(request):
    failed = {}
    for name, ask in {"postgres": ask_postgres, "redis": ask_redis}.items():
        try:
            ask()
        except Exception as error:
            failed[name] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if breakage.mode == "never-healthy":
        failed["self"] = "this release is never healthy"
    if failed:
        return JsonResponse({"status": "failed", "failed": failed, "release": settings.RELEASE}, status=503)
    return JsonResponse({"status": "ok", "release": settings.RELEASE})
