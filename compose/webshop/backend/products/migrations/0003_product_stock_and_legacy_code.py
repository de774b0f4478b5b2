from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("products", "0002_product_description")]

    operations = [
        migrations.AddField("product", "stock", models.IntegerField(default=0)),
        migrations.AddField("product", "legacy_code", models.CharField(blank=True, max_length=20, null=True)),
    ]
