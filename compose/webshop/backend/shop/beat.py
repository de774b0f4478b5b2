"""What Celery beat adds to its tasks, and its sign of life, read by bin/beat-health."""

import os
import secrets
import socket
import time
from functools import cache
from pathlib import Path

from celery.beat import PersistentScheduler

HEARTBEAT = Path("/run/shop/beat-heartbeat")


@cache
def identity():
    """Names this process: two beats at once are told apart even on one host with one PID."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def now():
    return time.time()


class Scheduler(PersistentScheduler):
    """Touches a file each time round: a beat that hangs, on Redis for instance, lets it grow old."""

    def setup_schedule(self):
        HEARTBEAT.unlink(missing_ok=True)
        super().setup_schedule()

    def tick(self, *args, **kwargs):
        delay = super().tick(*args, **kwargs)
        HEARTBEAT.touch()
        return delay

    def close(self):
        HEARTBEAT.unlink(missing_ok=True)
        super().close()
