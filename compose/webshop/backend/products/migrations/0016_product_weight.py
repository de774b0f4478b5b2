from django.db import migrations, models

BATCH = 500


def estimate_weights(apps, schema_editor):
    products = apps.get_model("products", "Product").objects.filter(weight_grams=None, category__name="Prints")
    while batch := list(products.values_list("pk", flat=True)[:BATCH]):
        products.filter(pk__in=batch).update(weight_grams=100)


class Migration(migrations.Migration):
    # Each batch is a transaction of its own, so that no row is locked for long. Interrupted half-way the column is
    # there without the migration being recorded, and the next attempt fails on it.
    atomic = False

    dependencies = [("products", "0015_delete_review_and_discount")]

    operations = [
        migrations.AddField("product", "weight_grams", models.PositiveIntegerField(blank=True, null=True)),
        migrations.RunPython(estimate_weights, migrations.RunPython.noop),
    ]
