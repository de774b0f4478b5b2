"""Tells the Celery worker of this container to stop or to resume consuming, and waits until it has.

A bare Celery application: loading all of Django would take several times as long.
"""

import os
import socket
import sys

from celery import Celery
from kombu.exceptions import OperationalError

QUEUE = "celery"
SECONDS_TO_REPLY = 5


def worker():
    app = Celery(broker=os.environ["REDIS_URL"])
    app.conf.broker_connection_retry = False
    app.conf.broker_transport_options = {"socket_connect_timeout": 2, "socket_timeout": 10}
    return app.control, f"celery@{socket.gethostname()}"


def consumes(control, name):
    replies = control.inspect(destination=[name], timeout=SECONDS_TO_REPLY).active_queues()
    if not replies or name not in replies:
        sys.exit(f"{name} does not answer")
    return [queue["name"] for queue in replies[name] or []]


def order(command):
    """Sends the command to this worker, and answers with the names of the queues it consumes afterwards."""
    try:
        return send(command)
    except OperationalError as error:
        sys.exit(f"the broker does not answer: {error}")


def send(command):
    control, name = worker()
    replies = getattr(control, command)(QUEUE, destination=[name], reply=True, timeout=SECONDS_TO_REPLY)
    if not replies:
        sys.exit(f"{name} does not answer")
    answer = replies[0].get(name, {})
    if "ok" not in answer:
        sys.exit(f"{name} refuses: {answer.get('error', answer)}")
    return consumes(control, name)
