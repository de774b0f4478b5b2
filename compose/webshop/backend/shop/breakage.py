"""Releases that are broken on purpose: the build argument BREAK chooses how. Empty: a good release.

    never-healthy      the health endpoint answers 503 for ever
    exit-at-boot       the server ends with a traceback
    missing-env        the server ends for want of PAYMENT_API_KEY
    memory             the server allocates until the container's memory limit kills it
    slow-boot          20 s until the server listens
    loopback           the server listens on 127.0.0.1 only
    error-500          healthy, yet every request for products and orders fails
    ignore-sigterm     the server does not stop when told to
    die-on-sigterm     the server stops at once and drops what it was doing
    failing-migration  the migration of this release fails (extra_migrations/failing, put in place by the build)

Only the web server is broken, except by failing-migration: the worker, beat and manage.py are as ever.
"""

import os
import signal
import sys
import time
from pathlib import Path

MODES = (
    "",
    "never-healthy",
    "exit-at-boot",
    "missing-env",
    "memory",
    "slow-boot",
    "loopback",
    "error-500",
    "ignore-sigterm",
    "die-on-sigterm",
    "failing-migration",
)

mode = os.environ.get("RELEASE_BREAK", "")


def bind(address):
    if mode == "loopback":
        return address.replace("0.0.0.0", "127.0.0.1")
    return address


def before_boot():
    """In gunicorn's main process, before it listens."""
    if mode == "exit-at-boot":
        raise KeyError("CURRENCY")
    if mode == "missing-env" and not os.environ.get("PAYMENT_API_KEY"):
        sys.exit("PAYMENT_API_KEY is not set: the webshop needs it in its environment")
    if mode == "slow-boot":
        time.sleep(20)
    if mode == "memory":
        _fill_memory()


def after_boot(server):
    """In gunicorn's main process, when it listens and has its signal handlers."""
    if mode == "ignore-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "die-on-sigterm":
        signal.signal(signal.SIGTERM, lambda *_: _die(server))


def middleware(get_response):
    def respond(request):
        if mode == "error-500" and request.path.startswith(("/api/products/", "/api/orders/")):
            raise RuntimeError("this release answers every request for products and orders with an error")
        return get_response(request)

    return respond


def _die(server):
    for pid in list(server.WORKERS):
        os.kill(pid, signal.SIGKILL)
    os._exit(128 + signal.SIGTERM)


def _fill_memory():
    if not _memory_limited():
        sys.exit("this release fills its memory: run it with a memory limit, for the host's sake")
    block = 16 << 20
    blocks = []
    while True:
        # Not zeros: the kernel gives those without taking memory.
        blocks.append(b"x" * block)


def _memory_limited():
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = Path(file).read_text().strip()
        except OSError:
            continue
        # Version 1 of cgroups says "no limit" with a number beyond any machine.
        return limit != "max" and int(limit) < 1 << 50
    return False
