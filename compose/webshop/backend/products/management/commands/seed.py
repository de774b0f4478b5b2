"""Imports the sample catalogue. It may run after every deploy: what is there
is brought up to date, and nothing is there twice."""

from decimal import Decimal

from django.core.management.base import BaseCommand
from django.db import transaction

from products.models import Category, Product

CATALOGUE = {
    "Posters": [("Skyline", "24.50"), ("Harbour", "24.50"), ("Forest", "19.00")],
    "Mugs": [("Enamel mug", "14.00"), ("Espresso cup", "9.50")],
    "Textiles": [("Tote bag", "17.00"), ("Tea towel", "11.00")],
}


class Command(BaseCommand):
    help = "Imports the sample catalogue; running it again changes nothing."

    @transaction.atomic
    def handle(self, *args, **options):
        added = 0
        for category_name, products in CATALOGUE.items():
            category, _ = Category.objects.get_or_create(name=category_name)
            for name, price in products:
                _, created = Product.objects.update_or_create(
                    slug=name.lower().replace(" ", "-"),
                    defaults={"name": name, "category": category, "price": Decimal(price), "stock": 100},
                )
                added += created
        self.stdout.write(f"catalogue: {added} products added, {Product.objects.count()} in all")
