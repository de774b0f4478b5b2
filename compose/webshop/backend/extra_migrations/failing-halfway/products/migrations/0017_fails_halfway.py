from django.db import migrations, models


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails on purpose, after its first half")


class Migration(migrations.Migration):
    # What was done before the failure stays, without the migration being recorded.
    atomic = False

    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.AddField("product", "barcode", models.CharField(blank=True, max_length=13, null=True)),
        migrations.RunPython(fail, migrations.RunPython.noop),
    ]
