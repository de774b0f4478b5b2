from django.contrib.postgres.indexes import BTreeIndex
from django.db import models

from products.release_fields import ReleaseFields


class Category(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class Product(ReleaseFields):
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.SET_NULL, related_name="products")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    summary = models.TextField(default="", blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.BigIntegerField(default=0)
    weight_grams = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["name"], name="product_name"),
            BTreeIndex(fields=["price"], name="product_price"),
        ]

    def __str__(self):
        return self.name

    def as_json(self):
        return {
            "id": self.pk,
            "name": self.name,
            "slug": self.slug,
            "summary": self.summary,
            "category": self.category.name if self.category else None,
            "price": str(self.price),
            "stock": self.stock,
        }
