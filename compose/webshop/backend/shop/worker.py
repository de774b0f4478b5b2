"""The sign of life of a Celery worker, read by bin/worker-health."""

from pathlib import Path

from celery import bootsteps

HEARTBEAT = Path("/run/shop/worker-heartbeat")


class Heartbeat(bootsteps.StartStopStep):
    """Touches a file each second from the worker's event loop, from the moment that it consumes.

    The loop runs only while the worker is connected to its broker: one that hangs, or cannot reach Redis, lets the
    file grow old. (A Redis that accepts and says nothing goes unnoticed here; the web server's health check sees it.)
    That costs a stat() for each check, where `celery inspect ping` starts a Python process and loads the whole shop.
    """

    # A step of the consumer, not of the worker: each reconnection to the broker clears the timers and starts it anew.
    requires = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer, **options):
        HEARTBEAT.unlink(missing_ok=True)

    def start(self, consumer):
        # Both run in the event loop, which goes round only once the worker consumes.
        consumer.timer.call_after(0, HEARTBEAT.touch)
        consumer.timer.call_repeatedly(1.0, HEARTBEAT.touch)

    def shutdown(self, consumer):
        HEARTBEAT.unlink(missing_ok=True)
