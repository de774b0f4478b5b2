from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0018_product_barcode_index_concurrently")]

    operations = [
        migrations.AddField("product", "origin", models.CharField(blank=True, max_length=2, null=True)),
    ]
