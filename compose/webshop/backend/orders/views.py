import json

from django.db import IntegrityError, transaction
from django.http import JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_POST, require_safe

from orders import forms, tasks
from orders.models import BeatTick, Order

ROWS_AT_A_TIME = 2000


def refused(form):
    return JsonResponse({"errors": form.errors}, status=400)


@require_POST
def place(request):
    form = forms.read(forms.OrderForm, request)
    if not form.is_valid():
        return refused(form)
    wanted = form.cleaned_data
    try:
        with transaction.atomic():
            order = Order.objects.create(
                identifier=wanted["id"],
                kind=wanted["kind"],
                product=wanted["product"],
                quantity=wanted["quantity"] or 1,
            )
            # Only when the row is there for the worker to find.
            transaction.on_commit(lambda: tasks.enqueue(order.kind, [order.pk], wanted["seconds"]))
    except IntegrityError:
        Order.objects.filter(identifier=wanted["id"]).mark_received_again()
        return JsonResponse({"id": wanted["id"], "duplicate": True}, status=409)
    return JsonResponse({"id": order.identifier, "kind": order.kind}, status=201)


@require_POST
def enqueue_many(request):
    form = forms.read(forms.TasksForm, request)
    if not form.is_valid():
        return refused(form)
    wanted = form.cleaned_data
    rows = [
        Order(identifier=f"{wanted['prefix']}-{number}", kind=wanted["kind"])
        for number in range(1, wanted["count"] + 1)
    ]
    try:
        with transaction.atomic():
            Order.objects.bulk_create(rows, batch_size=ROWS_AT_A_TIME)
    except IntegrityError:
        return JsonResponse({"prefix": wanted["prefix"], "duplicate": True}, status=409)
    tasks.enqueue(wanted["kind"], [row.pk for row in rows], wanted["seconds"])
    return JsonResponse({"prefix": wanted["prefix"], "count": len(rows), "kind": wanted["kind"]}, status=201)


def with_prefix(request):
    return Order.objects.filter(identifier__startswith=request.GET.get("prefix", ""))


@require_safe
def summary(request):
    return JsonResponse(with_prefix(request).summary())


@require_safe
def ids(request):
    rows = with_prefix(request).order_by("pk").values_list("identifier", "received", "times_processed")
    lines = (f"{identifier} {received} {processed}\n" for identifier, received, processed in rows.iterator(ROWS_AT_A_TIME))
    return StreamingHttpResponse(lines, content_type="text/plain")


@require_safe
def beats(request):
    rows = BeatTick.objects.filter(schedule=request.GET.get("schedule", "tick")).order_by("pk")
    lines = (
        json.dumps({"id": row.pk, "tick": row.tick, "identity": row.identity, "at": row.at.isoformat()}) + "\n"
        for row in rows.iterator(ROWS_AT_A_TIME)
    )
    return StreamingHttpResponse(lines, content_type="application/jsonl")
