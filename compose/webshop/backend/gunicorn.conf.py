"""Gunicorn's settings. Size: WEB_CONCURRENCY (processes) and WEB_THREADS (threads in each)."""

import os
import signal
import sys

from shop import breakage

bind = breakage.bind("0.0.0.0:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "16"))

# The application is loaded once, before the fork: a faster start and shared memory. Safe because loading it opens no
# connection.
preload_app = True

# Longer than any proxy keeps an idle connection, so that it is never the server that closes one just as the proxy
# sends the next request on it.
keepalive = 75
graceful_timeout = 30
timeout = 60
# Heartbeat files in memory: on a slow disk they could stall a worker.
worker_tmp_dir = "/dev/shm"

# PID 1 has no default for SIGTERM: without this a container is deaf to it until gunicorn's own handler is in place.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped before the server was up"))


def on_starting(server):
    breakage.before_boot()


def when_ready(server):
    breakage.after_boot(server)
