from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.text import slugify

from products.models import Category, Product

CATALOGUE = {
    "Laser engraving": [
        ("Engraved oak cutting board", "34.50", 40, 900),
        ("Slate coasters, set of four", "22.00", 120, 600),
        ("Leather key ring with initials", "9.95", 300, 25),
    ],
    "Design": [
        ("Logo package", "450.00", 10, None),
        ("Business cards, 250 pieces", "49.00", 75, 500),
    ],
    "Prints": [
        ("Poster A2, matt", "18.50", 200, 110),
        ("Canvas 60 x 40 cm", "64.00", 60, 1400),
        ("Sticker sheet", "4.25", 1000, 15),
    ],
}


class Command(BaseCommand):
    help = "Fills the shop with its products; those that are there already are left as they are."

    @transaction.atomic
    def handle(self, *args, **options):
        made = 0
        for category_name, products in CATALOGUE.items():
            category, _ = Category.objects.get_or_create(name=category_name)
            for name, price, stock, grams in products:
                _, new = Product.objects.get_or_create(
                    slug=slugify(name),
                    defaults={
                        "category": category,
                        "name": name,
                        "price": price,
                        "stock": stock,
                        "weight_grams": grams,
                    },
                )
                made += new
        self.stdout.write(f"{made} products made, {Product.objects.count()} in the shop")
