from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.RenameField("product", "legacy_code", "reference"),
    ]
