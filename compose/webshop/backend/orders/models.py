from django.db import models
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from products.models import Product


class OrderQuerySet(models.QuerySet):
    def summary(self):
        return self.aggregate(
            total=Count("pk"),
            processed=Count("pk", filter=Q(times_processed__gt=0)),
            processed_more_than_once=Count("pk", filter=Q(times_processed__gt=1)),
            unprocessed=Count("pk", filter=Q(times_processed=0)),
            received_more_than_once=Count("pk", filter=Q(received__gt=1)),
        )

    def mark_received_again(self):
        return self.update(received=F("received") + 1)

    def mark_processed(self):
        return self.update(times_processed=F("times_processed") + 1, processed_at=Now())


class Order(models.Model):
    """One order. The customer's browser makes the identifier, so that a request sent twice is seen to be one order."""

    identifier = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=40)
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders")
    quantity = models.PositiveIntegerField(default=1)
    placed_at = models.DateTimeField(auto_now_add=True)
    # Counted rather than flagged: that something happened twice must be visible.
    received = models.PositiveIntegerField(default=1)
    times_processed = models.PositiveIntegerField(default=0)
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    def __str__(self):
        return self.identifier


class BeatTick(models.Model):
    """One task that beat sent: when, and which beat process it was."""

    schedule = models.CharField(max_length=20)
    tick = models.BigIntegerField()
    identity = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["schedule", "id"], name="beattick_schedule")]

    def __str__(self):
        return f"{self.schedule} {self.tick} by {self.identity}"
