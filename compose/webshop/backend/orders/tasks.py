import time
from datetime import datetime, timezone

from celery import current_app, shared_task
from django.conf import settings

from orders.models import BeatTick, Order


@shared_task(name="orders.process", ignore_result=True)
def process(pk, seconds=None):
    work_on(pk, seconds)


KINDS = {"orders.process": process}

# A kind of task that only some releases know: a worker without it throws such a task away.
if settings.FEATURE_GIFT_WRAP:

    @shared_task(name="orders.gift_wrap", ignore_result=True)
    def gift_wrap(pk, seconds=None):
        work_on(pk, seconds)

    KINDS["orders.gift_wrap"] = gift_wrap


def work_on(pk, seconds):
    time.sleep(settings.TASK_SECONDS if seconds is None else seconds)
    Order.objects.filter(pk=pk).mark_processed()


@shared_task(name="orders.record_beat", ignore_result=True)
def record_beat(schedule, interval, identity, at):
    BeatTick.objects.create(
        schedule=schedule,
        tick=int(at // interval),
        identity=identity,
        at=datetime.fromtimestamp(at, timezone.utc),
    )


def enqueue(kind, pks, seconds=None):
    """Sends a task for each order, all over one connection to the broker."""
    task = KINDS[kind]
    with current_app.producer_pool.acquire(block=True) as producer:
        for pk in pks:
            task.apply_async((pk, seconds), producer=producer)
