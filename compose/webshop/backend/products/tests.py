from io import StringIO

from django.core.management import call_command
from django.test import TestCase

from products.models import Product


class CatalogueTest(TestCase):
    def test_seed_makes_each_product_once(self):
        call_command("seed", stdout=StringIO())
        first = Product.objects.count()
        call_command("seed", stdout=StringIO())
        self.assertGreater(first, 0)
        self.assertEqual(Product.objects.count(), first)

    def test_catalogue_lists_the_products(self):
        call_command("seed", stdout=StringIO())
        response = self.client.get("/api/products/")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(len(response.json()["products"]), Product.objects.count())
        self.assertIn("X-Release", response.headers)

    def test_models_and_migrations_agree(self):
        call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())
