from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0016_product_weight")]

    operations = [
        migrations.AddField("product", "barcode", models.CharField(blank=True, max_length=13, null=True)),
    ]
