from django.db import migrations


def clear_legacy_codes(apps, schema_editor):
    apps.get_model("products", "Product").objects.update(legacy_code=None)


class Migration(migrations.Migration):
    dependencies = [("products", "0016_product_weight")]

    operations = [
        # No way back: the codes are gone.
        migrations.RunPython(clear_legacy_codes),
    ]
