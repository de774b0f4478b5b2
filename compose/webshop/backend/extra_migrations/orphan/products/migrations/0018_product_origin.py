from django.db import migrations, models


class Migration(migrations.Migration):
    """Follows a migration that was not committed."""

    dependencies = [("products", "0017_product_barcode")]

    operations = [
        migrations.AddField("product", "origin", models.CharField(blank=True, max_length=2, null=True)),
    ]
