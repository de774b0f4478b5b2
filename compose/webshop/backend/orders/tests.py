import time

from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.test import TestCase, TransactionTestCase

from orders.models import BeatTick, Order
from orders.tasks import KINDS, record_beat


class PlaceOrderTest(TransactionTestCase):
    """Against the real broker: what is placed here is really sent to it."""

    def setUp(self):
        current_app.control.purge()

    def place(self, **fields):
        return self.client.post("/api/orders/", fields, content_type="application/json")

    def test_the_same_order_twice_is_one_order(self):
        self.assertEqual(self.place(id="one").status_code, 201)
        self.assertEqual(self.place(id="one").status_code, 409)
        self.assertEqual(Order.objects.get(identifier="one").received, 2)
        self.assertEqual(self.client.get("/api/orders/summary/").json()["received_more_than_once"], 1)

    def test_an_unknown_kind_is_refused(self):
        self.assertEqual(self.place(id="two", kind="orders.unheard_of").status_code, 400)
        self.assertFalse(Order.objects.exists())

    def test_gift_wrap_exists_only_in_releases_with_the_feature(self):
        self.assertEqual("orders.gift_wrap" in KINDS, settings.FEATURE_GIFT_WRAP)
        wanted = 201 if settings.FEATURE_GIFT_WRAP else 400
        self.assertEqual(self.place(id="three", kind="orders.gift_wrap").status_code, wanted)

    def test_a_worker_processes_each_order_once(self):
        self.place(id="single")
        self.client.post("/api/tasks/", {"count": 20, "prefix": "many"}, content_type="application/json")
        with start_worker(current_app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
            for order in Order.objects.all():
                self.wait_until_processed(order)
        summary = self.client.get("/api/orders/summary/").json()
        self.assertEqual((summary["total"], summary["processed"], summary["processed_more_than_once"]), (21, 21, 0))
        lines = b"".join(self.client.get("/api/orders/ids/?prefix=single").streaming_content)
        self.assertEqual(lines, b"single 1 1\n")

    def wait_until_processed(self, order):
        deadline = time.monotonic() + 20
        while not order.times_processed:
            self.assertLess(time.monotonic(), deadline, f"{order} was not processed")
            time.sleep(0.02)
            order.refresh_from_db()


class BeatTest(TestCase):
    def test_a_tick_names_the_beat_that_sent_it(self):
        record_beat(schedule="tick", interval=5, identity="beat-1", at=1_000_003.5)
        tick = BeatTick.objects.get()
        self.assertEqual((tick.tick, tick.identity), (200_000, "beat-1"))
