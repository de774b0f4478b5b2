from django.db import migrations
from django.utils.text import slugify


def fill_slugs(apps, schema_editor):
    for product in apps.get_model("products", "Product").objects.filter(slug=None):
        product.slug = f"{slugify(product.name)[:120]}-{product.pk}"
        product.save(update_fields=["slug"])


class Migration(migrations.Migration):
    dependencies = [("products", "0007_product_slug")]

    operations = [
        # Nothing to undo: the field itself goes with the migration before.
        migrations.RunPython(fill_slugs, migrations.RunPython.noop),
    ]
