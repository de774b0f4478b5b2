"""What clients may send, checked by Django's forms."""

import json
import uuid

from django import forms

from orders.tasks import KINDS
from products.models import Product


class KindField(forms.ChoiceField):
    def __init__(self):
        super().__init__(choices=[(kind, kind) for kind in KINDS], required=False)

    def clean(self, value):
        return super().clean(value) or "orders.process"


class OrderForm(forms.Form):
    id = forms.CharField(max_length=100)
    product = forms.ModelChoiceField(Product.objects.all(), required=False)
    quantity = forms.IntegerField(min_value=1, max_value=10_000, initial=1, required=False)
    kind = KindField()
    seconds = forms.FloatField(min_value=0, max_value=3600, required=False)


class TasksForm(forms.Form):
    count = forms.IntegerField(min_value=1, max_value=100_000)
    prefix = forms.CharField(max_length=60, required=False)
    kind = KindField()
    seconds = forms.FloatField(min_value=0, max_value=3600, required=False)

    def clean_prefix(self):
        return self.cleaned_data["prefix"] or f"batch-{uuid.uuid4().hex[:12]}"


def read(form_class, request):
    """The form filled from the request's JSON, valid or with errors."""
    try:
        fields = json.loads(request.body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        form = form_class({})
        form.add_error(None, "the body must be a JSON object")
        return form
    return form_class(fields)
