from django.db import migrations, models


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails on purpose")


class Migration(migrations.Migration):
    dependencies = [("products", "0016_product_weight")]

    operations = [
        # Undone by Postgres with the rest of the transaction.
        migrations.AddField("product", "barcode", models.CharField(blank=True, max_length=13, null=True)),
        migrations.RunPython(fail, migrations.RunPython.noop),
    ]
